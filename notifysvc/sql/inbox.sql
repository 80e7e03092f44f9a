-- add_departures
-- The newest word counts, in whatever order the words come.
INSERT INTO departures (project_id, user_id, gone, sequence)
SELECT DISTINCT ON (d.project_id, d.user_id) d.project_id, d.user_id, d.gone, d.sequence
FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[]) AS d (project_id, user_id, gone, sequence)
ORDER BY d.project_id, d.user_id, d.sequence DESC
ON CONFLICT (project_id, user_id) DO UPDATE SET gone = excluded.gone, sequence = excluded.sequence
WHERE departures.sequence < excluded.sequence

-- add_notifications
-- An event's whole effect and the note that it had it, in one statement. A twin that is at the same event waits at the note,
-- and then has no effect.
WITH fresh AS (
    INSERT INTO seen (event_id)
    SELECT DISTINCT e.event_id FROM unnest($1::uuid[]) AS e (event_id) ORDER BY e.event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
),
added AS (
    INSERT INTO notifications (id, event_id, user_id, reason, create_time, event)
    SELECT n.id, n.event_id, n.user_id, n.reason, n.create_time, n.event
    FROM unnest(
        $2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::timestamptz[], $7::bytea[], $8::uuid[], $9::bigint[]
    ) AS n (id, event_id, user_id, reason, create_time, event, project_id, sequence)
    WHERE n.event_id IN (SELECT event_id FROM fresh)
      AND NOT EXISTS (
          SELECT FROM departures AS d
          WHERE d.project_id = n.project_id AND d.user_id = n.user_id AND d.gone AND d.sequence < n.sequence
      )
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO mails (id) SELECT id FROM added

-- list_notifications
SELECT id, reason, state, create_time, event
FROM notifications
WHERE user_id = $1 AND state <> 3 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3

-- list_notifications_in_state
SELECT id, reason, state, create_time, event
FROM notifications
WHERE user_id = $1 AND state = $4 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3

-- count_unread
SELECT count(*) FROM notifications WHERE user_id = $1 AND state = 1

-- mark_notifications
-- All of them or, if one isn't there, none; returns those that are not there.
WITH mine AS (
    -- In one order for everybody: two who mark the same can't wait for each other.
    SELECT id FROM notifications WHERE user_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR UPDATE
),
missing AS (
    SELECT asked.id FROM unnest($2::uuid[]) AS asked (id) WHERE asked.id NOT IN (SELECT id FROM mine)
),
marked AS (
    UPDATE notifications SET state = $3
    WHERE id IN (SELECT id FROM mine) AND state <> $3 AND NOT EXISTS (SELECT FROM missing)
)
SELECT id FROM missing

-- mark_all_notifications
UPDATE notifications SET state = $2
WHERE id IN (SELECT id FROM notifications WHERE user_id = $1 AND state <> 3 AND state <> $2 ORDER BY id FOR UPDATE)

-- forget_seen
DELETE FROM seen WHERE time < now() - make_interval(secs => $1)
