-- list_due_digests
-- The people for whom it is time.
SELECT DISTINCT n.user_id
FROM mails AS m JOIN notifications AS n USING (id)
WHERE m.state = 4 AND m.digest IS NULL AND m.next_time <= now()
LIMIT $1

-- lock_digest
-- One who gathers a person's digest at a time: two would send two. Nobody has a digest who has no preferences.
SELECT FROM preferences WHERE user_id = $1 FOR UPDATE SKIP LOCKED

-- gather_digest
-- What is due becomes one mail, which the newest of them carries. In no other one, whatever happens then. What happened in
-- projects that the person has left is not told.
WITH due AS (
    SELECT
        m.id,
        EXISTS (SELECT FROM departures AS d WHERE d.project_id = n.project_id AND d.user_id = n.user_id AND d.gone) AS gone
    FROM mails AS m JOIN notifications AS n USING (id)
    WHERE m.state = 4 AND m.digest IS NULL AND m.next_time <= now() AND n.user_id = $1
    ORDER BY m.id
    LIMIT $2
),
withheld AS (UPDATE mails SET state = 5, hold = 6, end_time = now() FROM due WHERE mails.id = due.id AND gone),
carrier AS (SELECT id FROM due WHERE NOT gone ORDER BY id DESC LIMIT 1)
UPDATE mails AS m
SET digest = carrier.id, state = CASE WHEN m.id = carrier.id THEN 6 ELSE 4 END, hold = 0, since = now(), next_time = now()
FROM due, carrier
WHERE m.id = due.id AND NOT gone

-- list_digest_events
-- What each of these digests tells of, oldest first: without what its reader has no part in any more.
SELECT m.digest, n.reason, n.event
FROM mails AS m JOIN notifications AS n USING (id)
WHERE m.digest = ANY ($1::uuid[])
    AND NOT EXISTS (SELECT FROM departures AS d WHERE d.project_id = n.project_id AND d.user_id = n.user_id AND d.gone)
ORDER BY n.id
