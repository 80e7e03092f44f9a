-- get_queue
SELECT * FROM queues WHERE project_id = $1 AND name = $2

-- list_queues
SELECT * FROM queues AS queue WHERE project_id = $1 AND ({where}) ORDER BY {order} LIMIT {limit}

-- make_queue
INSERT INTO queues (project_id, name) VALUES ($1, $2) ON CONFLICT (project_id, name) DO NOTHING

-- lock_queue
SELECT * FROM queues WHERE project_id = $1 AND name = $2 FOR NO KEY UPDATE

-- update_queue
-- All of the settings: whoever sets one has read the others under the lock.
UPDATE queues SET
    max_concurrency = $2, max_concurrency_per_key = $3, rate_tasks = $4, rate_period = $5, default_max_attempts = $6,
    backoff_initial = $7, backoff_max = $8, default_lease_duration = $9, retention = $10,
    version = version + 1, update_time = now()
WHERE id = $1 RETURNING *

-- follow_limits
WITH changed AS MATERIALIZED (
    SELECT queue_id, key, coalesce(nullif(max_concurrency_per_key, 0), 2147483647) AS most
    FROM queues JOIN job_keys ON queue_id = id
    WHERE project_id = $1 AND name = $2 AND most <> coalesce(nullif(max_concurrency_per_key, 0), 2147483647)
    ORDER BY queue_id, key FOR NO KEY UPDATE OF job_keys
)
UPDATE job_keys SET most = changed.most FROM changed
WHERE job_keys.queue_id = changed.queue_id AND job_keys.key = changed.key

-- pause_queue
-- The first pause counts.
INSERT INTO queues (project_id, name, pause_time) VALUES ($1, $2, now())
ON CONFLICT (project_id, name) DO UPDATE SET pause_time = coalesce(queues.pause_time, now())
RETURNING *

-- resume_queue
UPDATE queues SET pause_time = NULL WHERE project_id = $1 AND name = $2 RETURNING *

-- shortest_lease_duration
SELECT min(default_lease_duration) FROM queues WHERE project_id = $1 AND name = ANY($2::text[])
