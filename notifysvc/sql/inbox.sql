-- add_departures
-- The newest word counts, in whatever order the words come: what the stream had lost comes late.
INSERT INTO departures (project_id, user_id, gone, sequence, time)
SELECT DISTINCT ON (d.project_id, d.user_id) d.project_id, d.user_id, d.gone, d.sequence, d.time
FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[], $5::timestamptz[])
    AS d (project_id, user_id, gone, sequence, time)
ORDER BY d.project_id, d.user_id, d.time DESC
ON CONFLICT (project_id, user_id) DO UPDATE SET gone = excluded.gone, sequence = excluded.sequence, time = excluded.time
WHERE departures.time < excluded.time

-- add_notifications
-- An event's whole effect and the note that it had it, in one statement. A twin that is at the same event waits at the note,
-- and then has no effect.
WITH fresh AS (
    INSERT INTO seen (event_id)
    SELECT DISTINCT e.event_id FROM unnest($1::uuid[]) AS e (event_id) ORDER BY e.event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
),
told AS (
    SELECT n.*
    FROM unnest(
        $2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::timestamptz[], $7::bytea[], $8::text[], $9::uuid[],
        $10::uuid[], $11::uuid[], $12::text[], $13::smallint[], $14::smallint[], $15::timestamptz[], $16::smallint[]
    ) AS n (
        id, event_id, user_id, reason, create_time, event, type, actor_id, project_id, task_id, title, state, mail_state,
        mail_time, hold
    )
    WHERE n.event_id IN (SELECT event_id FROM fresh)
      AND NOT EXISTS (
          SELECT FROM departures AS d
          WHERE d.project_id = n.project_id AND d.user_id = n.user_id AND d.gone AND d.time < n.create_time
      )
),
added AS (
    INSERT INTO notifications (
        id, event_id, user_id, reason, state, create_time, event, type, actor_id, project_id, task_id, title
    )
    SELECT id, event_id, user_id, reason, state, create_time, event, type, actor_id, project_id, task_id, title FROM told
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO mails (id, state, next_time, hold, end_time)
SELECT id, mail_state, mail_time, hold, CASE WHEN mail_state = 5 THEN now() END FROM told JOIN added USING (id)

-- list_notifications
-- A page, cut where it would become larger than clients take; `found` is how long it would have been.
SELECT * FROM (
    SELECT page.*, sum(octet_length(event)) OVER (ORDER BY id {order}) - octet_length(event) AS before, count(*) OVER () AS found
    FROM (
        SELECT id, reason, state, create_time, event FROM notifications
        WHERE user_id = $1 AND state < 4 AND ($2::uuid IS NULL OR id {after} $2) AND ({where})
        ORDER BY id {order} LIMIT $3
    ) AS page
) AS page
WHERE before < $4 ORDER BY id {order}

-- count_unread
SELECT user_id, count(*) AS unread FROM notifications WHERE user_id = ANY ($1::uuid[]) AND state = 1 GROUP BY user_id

-- mark_notifications
-- All of them or, if one isn't there, none; returns those that are not there.
WITH mine AS (
    -- In one order for everybody: two who mark the same can't wait for each other.
    SELECT id FROM notifications WHERE user_id = $1 AND id = ANY ($2::uuid[]) AND state < 4 ORDER BY id FOR UPDATE
),
missing AS (
    SELECT asked.id FROM unnest($2::uuid[]) AS asked (id) WHERE asked.id NOT IN (SELECT id FROM mine)
),
marked AS (
    UPDATE notifications SET state = $3
    WHERE id IN (SELECT id FROM mine) AND state <> $3 AND NOT EXISTS (SELECT FROM missing)
)
SELECT id FROM missing

-- mark_matching_notifications
UPDATE notifications SET state = $2
WHERE id IN (SELECT id FROM notifications WHERE user_id = $1 AND state < 4 AND state <> $2 AND ({where}) ORDER BY id FOR UPDATE)

-- list_facetless_notifications
-- Notifications that came before there were these columns, or through a program that didn't know them.
SELECT id, event FROM notifications WHERE type IS NULL ORDER BY id LIMIT $1

-- set_facets
UPDATE notifications AS n
SET type = s.type, actor_id = s.actor_id, project_id = s.project_id, task_id = s.task_id, title = s.title
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[])
    AS s (id, type, actor_id, project_id, task_id, title)
WHERE n.id = s.id

-- forget_seen
DELETE FROM seen WHERE time < now() - make_interval(secs => $1)
