-- add_account_mails
INSERT INTO account_mails (id, event)
SELECT e.id, e.event FROM unnest($1::uuid[], $2::bytea[]) AS e (id, event) ORDER BY e.id
ON CONFLICT DO NOTHING

-- claim_account_mails
UPDATE account_mails AS m
SET attempt = m.attempt + 1, next_time = now() + make_interval(secs => $1), leased = false, doubts = m.doubts + m.leased::integer
FROM (
    SELECT id, leased AS in_doubt FROM account_mails
    WHERE state = 1 AND next_time <= now()
    ORDER BY next_time
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) AS due
WHERE m.id = due.id
RETURNING m.id, m.attempt, m.tries, m.since, due.in_doubt, coalesce(m.slot_time <= now(), false) AS has_slot, m.event

-- begin_account_mail
UPDATE account_mails SET leased = true WHERE id = $1 AND attempt = $2 AND state = 1 AND next_time > now()

-- end_account_mail
UPDATE account_mails
SET state = $3::smallint, leased = false, hold = $5, end_time = now(), tries = tries + $6,
    reply = CASE WHEN $3::smallint = 2 THEN $4 ELSE reply END, last_error = CASE WHEN $3::smallint = 2 THEN '' ELSE $4 END
WHERE id = $1 AND attempt = $2 AND state = 1

-- put_back_account_mail
UPDATE account_mails
SET next_time = now() + make_interval(secs => $3), leased = false, hold = 0, slot_time = NULL,
    last_error = CASE WHEN $4 = '' THEN last_error ELSE $4 END, tries = tries + $5, doubts = doubts + $6
WHERE id = $1 AND attempt = $2 AND state = 1

-- hold_account_mail
UPDATE account_mails
SET next_time = $3::timestamptz, leased = false, hold = $4::smallint, slot_time = CASE WHEN $4::smallint = 1 THEN $3::timestamptz END
WHERE id = $1 AND attempt = $2 AND state = 1

-- forget_account_mails
DELETE FROM account_mails WHERE state <> 1 AND end_time < now() - make_interval(secs => $1)
