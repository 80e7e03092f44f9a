-- list_preferences
SELECT user_id, time_zone, language, quiet_start, quiet_end, digest, digest_hour, rules, version, request_id, update_time
FROM preferences
WHERE user_id = ANY ($1::uuid[])

-- lock_preferences
-- The person's row, made if there is none, until the transaction ends.
INSERT INTO preferences AS p (user_id) VALUES ($1)
ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id
RETURNING user_id, time_zone, language, quiet_start, quiet_end, digest, digest_hour, rules, version, request_id, update_time

-- write_preferences
UPDATE preferences
SET time_zone = $2, language = $3, quiet_start = $4, quiet_end = $5, digest = $6, digest_hour = $7, rules = $8,
    version = version + 1, request_id = $9, update_time = now()
WHERE user_id = $1
RETURNING user_id, time_zone, language, quiet_start, quiet_end, digest, digest_hour, rules, version, request_id, update_time

-- withhold_mails
-- Those that wait, of kinds that the person wants no more mails of. One that the server is being given goes out.
UPDATE mails AS m SET state = 5, hold = 2, end_time = now()
FROM notifications AS n
WHERE n.id = m.id AND n.user_id = $1 AND n.reason = ANY ($2::smallint[])
  AND (m.state = 1 AND NOT m.leased OR m.state = 4 AND m.digest IS NULL)

-- retime_digest
UPDATE mails AS m SET next_time = $2
FROM notifications AS n
WHERE n.id = m.id AND n.user_id = $1 AND m.state = 4 AND m.digest IS NULL
