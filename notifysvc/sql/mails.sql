-- claim_mails
-- The lease is the next time: a mailer that dies leaves the mail to be tried again then. `leased` tells that the server was
-- being given it, and nobody knows what came of that. (The release before sets it with the claim, and is doubted for more.)
UPDATE mails AS m
SET attempt = m.attempt + 1, next_time = now() + make_interval(secs => $1), leased = false, doubts = m.doubts + m.leased::integer
FROM (
    SELECT id, leased AS in_doubt FROM mails
    WHERE state IN (1, 6) AND next_time <= now()
    ORDER BY next_time
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) AS due, notifications AS n
WHERE m.id = due.id AND n.id = m.id
RETURNING
    m.id, m.attempt, m.tries, m.since, due.in_doubt, coalesce(m.slot_time <= now(), false) AS has_slot, m.hold, m.digest,
    n.user_id, n.reason, n.event,
    EXISTS (SELECT FROM departures AS d WHERE d.project_id = n.project_id AND d.user_id = n.user_id AND d.gone) AS gone

-- begin_mail
-- The server is about to be given it. Not if the lease is over, or the mail was withheld meanwhile.
UPDATE mails SET leased = true WHERE id = $1 AND attempt = $2 AND state IN (1, 6) AND next_time > now()

-- end_mail
UPDATE mails
SET state = $3::smallint, leased = false, hold = $5, end_time = now(), tries = tries + $6,
    reply = CASE WHEN $3::smallint = 2 THEN $4 ELSE reply END, last_error = CASE WHEN $3::smallint = 2 THEN '' ELSE $4 END
WHERE id = $1 AND attempt = $2 AND state IN (1, 6)

-- put_back_mail
UPDATE mails
SET next_time = now() + make_interval(secs => $3), leased = false, hold = 0, slot_time = NULL,
    last_error = CASE WHEN $4 = '' THEN last_error ELSE $4 END, tries = tries + $5, doubts = doubts + $6
WHERE id = $1 AND attempt = $2 AND state IN (1, 6)

-- hold_mail
-- Only a mail that waits for its turn has a slot; who waits for something else takes another one then.
UPDATE mails
SET next_time = $3::timestamptz, leased = false, hold = $4::smallint, slot_time = CASE WHEN $4::smallint = 1 THEN $3::timestamptz END
WHERE id = $1 AND attempt = $2 AND state IN (1, 6)

-- take_mail_slot
-- Slots of a domain are $2 seconds apart; after a rest, so many as fit into $3 seconds are free at once.
INSERT INTO mail_slots AS s (domain, next_time) VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (domain) DO UPDATE
SET next_time = greatest(s.next_time, now() - make_interval(secs => greatest($3::double precision - $2, 0))) + make_interval(secs => $2)
RETURNING extract(epoch FROM next_time - now())::double precision - $2

-- forget_mail_slots
DELETE FROM mail_slots WHERE next_time < now() - interval '1 hour'

-- forget_mails
-- Those that a digest told of go with it.
DELETE FROM mails WHERE state NOT IN (1, 4, 6) AND end_time < now() - make_interval(secs => $1)

-- read_waiting_mails
-- Of the first that are due; more than that is alarming enough, and this is always quick. Those that are held wait on purpose.
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(since)), 0)::double precision AS oldest_age
FROM (
    (SELECT since FROM mails WHERE state IN (1, 6) AND hold = 0 ORDER BY next_time LIMIT 10000)
    UNION ALL
    (SELECT since FROM account_mails WHERE state = 1 AND hold = 0 ORDER BY next_time LIMIT 10000)
) AS first
