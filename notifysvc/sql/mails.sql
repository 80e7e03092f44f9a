-- claim_mails
-- The lease is the next time: a mailer that dies leaves the mail to be tried again then.
UPDATE mails AS m
SET attempt = m.attempt + 1, next_time = now() + make_interval(secs => $1)
FROM (
    SELECT id FROM mails
    WHERE state = 1 AND next_time <= now()
    ORDER BY next_time
    LIMIT $2
    FOR UPDATE SKIP LOCKED
) AS due, notifications AS n
WHERE m.id = due.id AND n.id = m.id
RETURNING m.id, m.attempt, m.create_time, n.user_id, n.reason, n.event

-- end_mail
UPDATE mails SET state = $3, last_error = $4, end_time = now() WHERE id = $1 AND attempt = $2 AND state = 1

-- retry_mail
UPDATE mails SET next_time = now() + make_interval(secs => $3), last_error = $4 WHERE id = $1 AND attempt = $2 AND state = 1

-- forget_mails
DELETE FROM mails WHERE state <> 1 AND end_time < now() - make_interval(secs => $1)

-- read_waiting_mails
-- Of the first that are due; more than that is alarming enough, and this is always quick.
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(create_time)), 0)::double precision AS oldest_age
FROM (SELECT create_time FROM mails WHERE state = 1 ORDER BY next_time LIMIT 10000) AS first
