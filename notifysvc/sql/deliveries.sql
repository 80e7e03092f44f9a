-- list_deliveries
-- What a digest tells of is as far as the digest.
SELECT
    n.id, n.event_id, n.reason, n.task_id, n.title, m.create_time, m.digest,
    coalesce(d.state, m.state) AS state, coalesce(d.hold, m.hold) AS hold, coalesce(d.next_time, m.next_time) AS next_time,
    coalesce(d.end_time, m.end_time) AS end_time, coalesce(d.tries, m.tries) AS tries, coalesce(d.doubts, m.doubts) AS doubts,
    coalesce(d.last_error, m.last_error) AS last_error, coalesce(d.reply, m.reply) AS reply
FROM notifications AS n JOIN mails AS m USING (id) LEFT JOIN mails AS d ON d.id = m.digest
WHERE n.user_id = $1 AND ($2::uuid IS NULL OR n.id < $2) AND ($4::smallint[] IS NULL OR coalesce(d.state, m.state) = ANY ($4))
ORDER BY n.id DESC
LIMIT $3

-- get_delivery
SELECT
    n.id, n.event_id, n.reason, n.task_id, n.title, m.create_time, m.digest,
    coalesce(d.state, m.state) AS state, coalesce(d.hold, m.hold) AS hold, coalesce(d.next_time, m.next_time) AS next_time,
    coalesce(d.end_time, m.end_time) AS end_time, coalesce(d.tries, m.tries) AS tries, coalesce(d.doubts, m.doubts) AS doubts,
    coalesce(d.last_error, m.last_error) AS last_error, coalesce(d.reply, m.reply) AS reply
FROM notifications AS n JOIN mails AS m USING (id) LEFT JOIN mails AS d ON d.id = m.digest
WHERE n.user_id = $1 AND n.id = $2

-- retry_delivery
-- One that a digest told of is tried again with its digest.
UPDATE mails
SET state = CASE WHEN digest IS NULL THEN 1 ELSE 6 END, tries = 0, since = now(), next_time = now(), end_time = NULL,
    slot_time = NULL
WHERE state = 3 AND id = (
    SELECT coalesce(m.digest, m.id) FROM mails AS m JOIN notifications AS n USING (id) WHERE n.user_id = $1 AND n.id = $2
)

-- find_notification
SELECT id, reason, state FROM notifications WHERE event_id = $1 AND user_id = $2

-- find_effect
SELECT time FROM seen WHERE event_id = $1
