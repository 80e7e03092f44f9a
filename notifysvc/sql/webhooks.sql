-- create_webhook
-- One project's are made one after the other: together they are no more than may be.
WITH turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $2::uuid::text, 0))
)
INSERT INTO webhooks (id, project_id, url, description, event_types, disabled)
SELECT $1, $2, $3, $4, $5, $6 FROM turn
RETURNING *

-- count_webhooks
SELECT count(*) FROM webhooks WHERE project_id = $1

-- list_webhooks
SELECT * FROM webhooks WHERE project_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3

-- get_webhook
SELECT * FROM webhooks WHERE project_id = $1 AND id = $2

-- lock_webhook
SELECT * FROM webhooks WHERE project_id = $1 AND id = $2 FOR UPDATE

-- update_webhook
-- Whoever says whether it is disabled has looked: a pause, and what led to it, is over.
UPDATE webhooks
SET
    url = $2, description = $3, event_types = $4, disabled = $5,
    pause_time = CASE WHEN $6 THEN NULL ELSE pause_time END,
    failing_since_time = CASE WHEN $6 THEN NULL ELSE failing_since_time END,
    notice = CASE WHEN $6 THEN 0 ELSE notice END,
    version = version + 1, update_time = now()
WHERE id = $1
RETURNING *

-- delete_webhook
DELETE FROM webhooks WHERE id = $1

-- delete_webhooks_of_project
DELETE FROM webhooks WHERE project_id = $1

-- rotate_webhook_secret
UPDATE webhooks
SET
    secret_number = secret_number + 1, former_secret_expire_time = now() + make_interval(secs => $3),
    version = version + 1, update_time = now()
WHERE project_id = $1 AND id = $2
RETURNING *

-- list_webhook_projects
-- Which of these projects have a webhook to be told.
SELECT DISTINCT project_id FROM webhooks WHERE project_id = ANY ($1::uuid[]) AND NOT disabled AND pause_time IS NULL

-- add_webhook_deliveries
-- Of what happened since a webhook was made: the stream may be read again from long before.
INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, event)
SELECT uuidv7(), w.id, e.event_id, e.type, e.event
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bytea[]) WITH ORDINALITY
    AS e (event_id, project_id, type, time, event, place)
JOIN webhooks AS w ON w.project_id = e.project_id
WHERE
    NOT w.disabled AND w.pause_time IS NULL AND w.create_time <= e.time
    AND (w.event_types = '{}' OR e.type = ANY (w.event_types) OR split_part(e.type, '.', 1) || '.*' = ANY (w.event_types))
ORDER BY w.id, e.place
ON CONFLICT (webhook_id, event_id) DO NOTHING

-- claim_webhook_deliveries
-- A few of each webhook that has some, in no order of webhooks: one that answers slowly, or not at all, holds up no other.
-- The lease is the next time: a sender that dies leaves what it had to be tried again then.
WITH RECURSIVE waiting AS (
    (SELECT webhook_id FROM webhook_deliveries WHERE state = 1 ORDER BY webhook_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT webhook_id FROM webhook_deliveries
        WHERE state = 1 AND webhook_id > waiting.webhook_id ORDER BY webhook_id LIMIT 1
    )
    FROM waiting WHERE waiting.webhook_id IS NOT NULL
), due AS (
    SELECT delivery.id
    FROM (
        SELECT webhooks.id
        FROM waiting JOIN webhooks ON webhooks.id = waiting.webhook_id AND NOT disabled AND pause_time IS NULL
        WHERE webhooks.id <> ALL ($3::uuid[]) AND EXISTS (
            SELECT FROM webhook_deliveries AS d WHERE d.webhook_id = webhooks.id AND d.state = 1 AND d.next_time <= now()
        )
        ORDER BY random()
    ) AS webhook
    CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries
        WHERE webhook_id = webhook.id AND state = 1 AND next_time <= now()
        ORDER BY next_time LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS delivery
    LIMIT $4
)
UPDATE webhook_deliveries AS d
SET attempt = d.attempt + 1, next_time = now() + make_interval(secs => $1)
FROM due, webhooks AS w
WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING
    d.id, d.webhook_id, d.attempt, d.tries, d.event, w.url, w.secret_number,
    coalesce(w.former_secret_expire_time > now(), false) AS former_signs

-- end_webhook_delivery
-- It was taken: the webhook works.
WITH delivery AS (
    UPDATE webhook_deliveries
    SET state = 2, end_time = now(), last_attempt_time = now(), tries = tries + 1, attempts = attempts + 1,
        last_status = $3, last_answer = $4
    WHERE id = $1 AND attempt = $2 AND state = 1
    RETURNING webhook_id
)
UPDATE webhooks SET failing_since_time = NULL FROM delivery
WHERE webhooks.id = delivery.webhook_id AND failing_since_time IS NOT NULL

-- fail_webhook_delivery
-- It was not taken. Without a wait it is dead. A webhook that has taken nothing for so long is paused; one that is gone,
-- disabled: the first time, its owners are to be told.
WITH delivery AS (
    UPDATE webhook_deliveries
    SET state = CASE WHEN $5::double precision IS NULL THEN 3 ELSE 1 END,
        end_time = CASE WHEN $5::double precision IS NULL THEN now() END,
        next_time = now() + make_interval(secs => coalesce($5::double precision, 0)),
        last_attempt_time = now(), tries = tries + 1, attempts = attempts + 1, last_status = $3, last_answer = $4
    WHERE id = $1 AND attempt = $2 AND state = 1
    RETURNING webhook_id
), webhook AS (
    SELECT w.id, CASE WHEN disabled OR pause_time IS NOT NULL THEN 0 WHEN $7 THEN 2 WHEN failing_since_time IS NOT NULL THEN 1 ELSE 0 END AS ends
    FROM webhooks AS w JOIN delivery ON w.id = delivery.webhook_id
    WHERE failing_since_time IS NULL OR failing_since_time < now() - make_interval(secs => $6) OR $7
    FOR UPDATE OF w
)
UPDATE webhooks
SET
    failing_since_time = coalesce(failing_since_time, now()),
    pause_time = CASE WHEN ends = 1 THEN now() ELSE pause_time END,
    disabled = disabled OR $7,
    notice = CASE WHEN ends > 0 THEN ends ELSE notice END,
    asks = asks + (ends > 0)::integer
FROM webhook
WHERE webhooks.id = webhook.id
RETURNING ends

-- ask_about_webhooks
-- Of these projects.
UPDATE webhooks SET asks = asks + 1
WHERE id IN (SELECT id FROM webhooks WHERE project_id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE)

-- list_webhooks_to_ask_about
SELECT id, project_id, url, notice, failing_since_time, asks FROM webhooks WHERE asks > asked ORDER BY id LIMIT $1

-- note_webhook_asked
UPDATE webhooks SET asked = $2, notice = 0 WHERE id = $1 AND asks = $2 AND asked < $2 RETURNING true

-- list_webhook_deliveries
SELECT * FROM webhook_deliveries
WHERE webhook_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::smallint = 0 OR state = $3)
ORDER BY id DESC LIMIT $4

-- retry_webhook_delivery
-- The attempt fences whoever may be at it just now.
UPDATE webhook_deliveries SET state = 1, attempt = attempt + 1, tries = 0, next_time = now(), end_time = NULL
WHERE webhook_id = $1 AND id = $2
RETURNING *

-- forget_webhook_deliveries
DELETE FROM webhook_deliveries WHERE state <> 1 AND end_time < now() - make_interval(secs => $1)

-- read_waiting_webhook_deliveries
-- Of those that are sent something: a thousand each and ten thousand in all, so that this is always quick. `due_age` is of what
-- could be sent now: that one which was refused waits for days is its receiver's business.
SELECT
    count(*) AS waiting,
    coalesce(extract(epoch FROM now() - min(next_time) FILTER (WHERE next_time <= now())), 0)::double precision AS due_age,
    (SELECT count(*) FROM webhooks WHERE failing_since_time IS NOT NULL AND NOT disabled AND pause_time IS NULL) AS failing
FROM (
    SELECT delivery.next_time
    FROM webhooks AS w
    CROSS JOIN LATERAL (
        SELECT next_time FROM webhook_deliveries WHERE webhook_id = w.id AND state = 1 ORDER BY next_time LIMIT 1000
    ) AS delivery
    WHERE NOT w.disabled AND w.pause_time IS NULL
    LIMIT 10000
) AS first
