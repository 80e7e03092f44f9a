-- lease_tasks
-- Claims the first tasks of these places (a queue and a priority each), in this order, that nobody else is at: the job, the
-- next version of the task and its event in one statement. Both rows are locked, and locked ones passed over: a claim waits
-- for nobody but those who count jobs of the same keys. What exceeds a key's limit is parked, out of the way of the next claims,
-- and given without a task; parked ones whose key has become free are looked at too. The time is the statement's: that of its
-- transaction may have waited for a lock.
-- $1-$3: the places; $4-$6: behind what position nothing was in each, and its queue's `returns` then; $7: how many; $8: the
-- worker; $9: for how many seconds, or null; $10: whether the leases are a stream's; $11: whether room was made sure of in
-- queues with limits, which are passed over else; $12: the actor; $13: the trace context.
WITH place AS MATERIALIZED (
    SELECT
        given.number, given.priority, queues.id AS queue_id, queues.returns,
        (queues.max_concurrency > 0 OR queues.rate_tasks > 0) AND NOT $11::boolean AS passed_over,
        coalesce($9, queues.default_lease_duration) AS duration,
        coalesce(nullif(queues.max_concurrency_per_key, 0), 2147483647) AS most,
        CASE WHEN given.returns = queues.returns THEN given.floor_time ELSE '-infinity' END AS floor_time, given.floor_id
    FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[], $5::uuid[], $6::bigint[]) WITH ORDINALITY
        AS given (project_id, name, priority, floor_time, floor_id, returns, number)
    JOIN queues ON queues.project_id = given.project_id AND queues.name = given.name
    WHERE queues.pause_time IS NULL
    ORDER BY given.number
), waiting AS MATERIALIZED (
    SELECT place.number, false AS parked, job.*
    FROM (SELECT * FROM place WHERE NOT passed_over) AS place
    CROSS JOIN LATERAL (
        SELECT jobs.ready_time, jobs.task_id, jobs.key FROM jobs JOIN tasks ON tasks.id = jobs.task_id
        WHERE
            jobs.queue_id = place.queue_id AND jobs.priority = place.priority AND jobs.state = 1 AND jobs.blockers = 0
            AND (jobs.ready_time, jobs.task_id) >= (place.floor_time, place.floor_id) AND jobs.ready_time <= statement_timestamp()
        ORDER BY jobs.ready_time, jobs.task_id LIMIT $7
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS job
    LIMIT $7
), first_parked AS MATERIALIZED (
    SELECT place.number, job.task_id
    FROM (SELECT DISTINCT queue_id FROM place WHERE NOT passed_over) AS queue
    JOIN job_keys ON job_keys.queue_id = queue.queue_id AND open
    CROSS JOIN LATERAL (
        SELECT jobs.priority, jobs.ready_time, jobs.task_id FROM jobs
        WHERE
            jobs.queue_id = queue.queue_id AND jobs.key = job_keys.key AND jobs.state = 2 AND jobs.blockers = 0
            AND jobs.ready_time <= statement_timestamp()
        ORDER BY jobs.priority DESC, jobs.ready_time, jobs.task_id LIMIT least(job_keys.most - job_keys.running, $7)
    ) AS job
    JOIN place ON place.queue_id = queue.queue_id AND place.priority = job.priority
    ORDER BY place.number, job.ready_time, job.task_id LIMIT $7
), parked AS MATERIALIZED (
    SELECT first_parked.number, true AS parked, jobs.ready_time, jobs.task_id, jobs.key
    FROM first_parked
    JOIN jobs ON jobs.task_id = first_parked.task_id AND jobs.state = 2 AND jobs.blockers = 0
    JOIN tasks ON tasks.id = jobs.task_id
    FOR NO KEY UPDATE OF jobs, tasks SKIP LOCKED
), picked AS MATERIALIZED (
    SELECT each.*, place.queue_id, place.returns, place.duration, place.most
    FROM (SELECT * FROM waiting UNION ALL SELECT * FROM parked ORDER BY 1, 3, 4 LIMIT $7) AS each JOIN place USING (number)
), counted AS (
    INSERT INTO job_keys AS known (queue_id, key, running, parked, most, asked)
    SELECT
        queue_id, key, least(count(*) FILTER (WHERE NOT parked), most),
        greatest(count(*) FILTER (WHERE NOT parked) - most, 0), most, count(*) FILTER (WHERE parked)
    FROM picked WHERE key <> '' GROUP BY queue_id, key, most ORDER BY queue_id, key
    ON CONFLICT (queue_id, key) DO UPDATE SET
        running = known.running
            + greatest(least(excluded.running + excluded.parked + excluded.asked, excluded.most - known.running), 0),
        parked = known.parked + excluded.running + excluded.parked
            - greatest(least(excluded.running + excluded.parked + excluded.asked, excluded.most - known.running), 0),
        most = excluded.most
    RETURNING new.queue_id, new.key, new.running - coalesce(old.running, 0) AS free
), chosen AS MATERIALIZED (
    SELECT
        picked.*, uuidv7() AS lease_id,
        picked.key = '' OR row_number() OVER (
            PARTITION BY picked.queue_id, picked.key ORDER BY picked.number, picked.ready_time, picked.task_id
        ) <= counted.free AS leased
    FROM picked LEFT JOIN counted ON picked.key <> '' AND counted.queue_id = picked.queue_id AND counted.key = picked.key
), job AS (
    UPDATE jobs SET
        state = CASE WHEN leased THEN 3 ELSE 2 END,
        lease_id = CASE WHEN leased THEN chosen.lease_id END,
        lease_expire_time = CASE WHEN leased THEN statement_timestamp() + make_interval(secs => duration) END,
        worker = CASE WHEN leased THEN $8 ELSE '' END
    FROM chosen WHERE jobs.task_id = chosen.task_id AND (leased OR NOT parked)
), started AS (
    UPDATE tasks AS task SET
        status = 2, attempt = attempt + 1, worker = $8, start_time = statement_timestamp(), end_time = NULL, update_time = statement_timestamp(),
        lease_expire_time = CASE WHEN NOT $10::boolean THEN statement_timestamp() + make_interval(secs => duration) END,
        version = version + 1
    FROM chosen WHERE task.id = chosen.task_id AND leased
    RETURNING {columns}, {previous} AS previous
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, previous, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.started', update_time, $12, project_id, id, version,
        CASE WHEN $10 THEN '{{status,attempt,worker}}' ELSE '{{status,attempt,lease_expire_time,worker}}' END::text[],
        ROW({changed})::task_states, previous, $13
    FROM started
), unique_key AS MATERIALIZED (
    SELECT held.project_id, held.queue, held.key FROM started JOIN unique_keys AS held
        ON (held.project_id, held.queue, held.key, held.task_id)
        = (started.project_id, started.queue, started.unique_key, started.id)
    WHERE unique_key <> '' AND unique_scope = 1
    ORDER BY held.project_id, held.queue, held.key FOR UPDATE OF held
), freed AS (
    DELETE FROM unique_keys USING unique_key
    WHERE (unique_keys.project_id, unique_keys.queue, unique_keys.key)
        = (unique_key.project_id, unique_key.queue, unique_key.key)
)
SELECT
    chosen.number, chosen.ready_time, chosen.task_id, chosen.returns, chosen.lease_id,
    statement_timestamp() + make_interval(secs => duration) AS lease_end, statement_timestamp() AS moment, {changed}
FROM (
    SELECT number, ready_time, task_id, returns, lease_id, duration FROM chosen
    UNION ALL
    SELECT number, NULL, NULL, NULL, NULL, NULL FROM place WHERE passed_over AND priority = 4
) AS chosen
LEFT JOIN started ON started.id = chosen.task_id
ORDER BY chosen.number, chosen.ready_time, chosen.task_id

-- park_jobs
-- Takes what waits behind full keys out of the way, as far as it stands among the first of its queue. $1: tasks with such keys, that
-- a claim has just parked; $2: how far to look.
WITH full_key AS MATERIALIZED (
    SELECT DISTINCT queue_id, key, most FROM jobs JOIN job_keys USING (queue_id, key)
    WHERE task_id = ANY($1::uuid[]) AND running >= most
), near AS MATERIALIZED (
    SELECT job.task_id
    FROM (SELECT DISTINCT queue_id AS id FROM full_key) AS queue
    CROSS JOIN generate_series(1, 4) AS each (priority)
    CROSS JOIN LATERAL (
        SELECT task_id, queue_id, key FROM jobs
        WHERE
            queue_id = queue.id AND jobs.priority = each.priority AND state = 1 AND blockers = 0
            AND ready_time <= statement_timestamp()
        ORDER BY ready_time, task_id LIMIT $2
    ) AS job
    JOIN full_key USING (queue_id, key)
), held AS MATERIALIZED (
    SELECT task_id FROM jobs JOIN near USING (task_id) WHERE state = 1 AND blockers = 0
    FOR NO KEY UPDATE OF jobs SKIP LOCKED
), parked AS (
    UPDATE jobs SET state = 2 FROM held WHERE jobs.task_id = held.task_id RETURNING jobs.queue_id, jobs.key
)
INSERT INTO job_keys AS known (queue_id, key, running, parked, most)
SELECT queue_id, key, 0, count(*), most FROM parked JOIN full_key USING (queue_id, key) GROUP BY queue_id, key, most
ORDER BY queue_id, key
ON CONFLICT (queue_id, key) DO UPDATE SET parked = known.parked + excluded.parked

-- lock_claims
-- Claims of a queue with limits go one after the other, on all replicas, and count before they claim. Not by the queue's row:
-- that one is for short locks, after everything else.
SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))

-- queue_room
-- How many more may be started now; null for any number. What is started counts for its period and, so that starts need not be
-- kept one by one, up to a twentieth of it longer.
SELECT
    least(
        CASE WHEN max_concurrency > 0 THEN max_concurrency - (
            SELECT count(*) FROM jobs WHERE queue_id = queues.id AND state = 3 AND lease_id IS NOT NULL
        ) END,
        CASE WHEN rate_tasks > 0 THEN rate_tasks - (
            SELECT coalesce(sum(tasks), 0) FROM job_starts
            WHERE queue_id = queues.id AND time > statement_timestamp() - make_interval(secs => rate_period * 1.05)
        ) END
    )::integer AS room,
    rate_tasks > 0 AS rated
FROM queues WHERE project_id = $1 AND name = $2

-- note_starts
WITH queue AS (
    SELECT id, rate_period FROM queues WHERE project_id = $1 AND name = $2
), old AS (
    DELETE FROM job_starts USING queue
    WHERE queue_id = id AND time <= statement_timestamp() - make_interval(secs => rate_period * 1.05)
)
INSERT INTO job_starts AS known (queue_id, time, tasks)
SELECT id, date_bin(make_interval(secs => rate_period / 20), statement_timestamp(), '2000-01-01'), $3 FROM queue
ON CONFLICT (queue_id, time) DO UPDATE SET tasks = known.tasks + excluded.tasks

-- settle_leases
-- What became of leased tasks, in one statement; answers to leases that don't hold change nothing, and give no row. The tasks
-- are locked first, in the order of ids, then the jobs: by everybody, so that nobody waits in a circle. That the lease still
-- holds is seen on the job's newest version. Tasks that others wait for are completed only if they were locked before.
-- $1-$6: the answers: the lease, the outcome (1 completed, 2 failed, 3 released, 4 the lease ran out), the result, the error,
-- whether it may be retried, and when in seconds or null; $7: the projects in which the caller may answer, or null for all;
-- $8: the actor; $9: the trace context; $10: whether the tasks were locked.
WITH answer AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::jsonb[], $4::text[], $5::boolean[], $6::double precision[])
        AS given (lease_id, outcome, result, error, retryable, delay)
), held AS MATERIALIZED (
    SELECT
        answer.*, jobs.task_id, jobs.key, queues.id AS queue_id, queues.max_concurrency > 0 AS limited,
        coalesce(nullif(queues.max_concurrency_per_key, 0), 2147483647) AS most,
        CASE
            WHEN outcome = 1 THEN 3
            WHEN outcome IN (2, 4) AND (NOT retryable OR attempt >= max_attempts) THEN 4
            ELSE 1
        END::smallint AS status,
        CASE
            WHEN outcome = 1 THEN 'task.completed'
            WHEN outcome = 3 THEN 'task.released'
            WHEN NOT retryable OR attempt >= max_attempts THEN 'task.failed'
            ELSE 'task.retried'
        END AS type,
        -- The power is of so small a number that nothing overflows.
        now() + make_interval(secs => coalesce(delay, CASE WHEN outcome = 2 THEN
            least(backoff_max, backoff_initial * 2.0 ^ least(attempt - 1, 30)) * (0.9 + 0.2 * random())
        END)) AS later
    FROM answer
    JOIN jobs ON jobs.lease_id = answer.lease_id
    JOIN tasks ON tasks.id = jobs.task_id
    JOIN queues ON queues.id = jobs.queue_id
    WHERE
        (outcome = 4) = (jobs.lease_expire_time <= now()) AND ($7::uuid[] IS NULL OR tasks.project_id = ANY($7))
        AND (outcome <> 1 OR NOT tasks.blocks OR $10::boolean)
    ORDER BY tasks.id FOR NO KEY UPDATE OF tasks
), ended AS (
    DELETE FROM jobs USING held
    WHERE
        jobs.task_id = held.task_id AND held.status <> 1
        AND jobs.lease_id = held.lease_id AND (outcome = 4) = (jobs.lease_expire_time <= now())
    RETURNING held.*
), returned AS (
    UPDATE jobs
    SET state = 1, lease_id = NULL, lease_expire_time = NULL, worker = '', ready_time = coalesce(later, jobs.ready_time)
    FROM held
    WHERE
        jobs.task_id = held.task_id AND held.status = 1
        AND jobs.lease_id = held.lease_id AND (outcome = 4) = (jobs.lease_expire_time <= now())
    RETURNING held.*
), settled AS MATERIALIZED (
    SELECT * FROM ended UNION ALL SELECT * FROM returned
), changed AS (
    UPDATE tasks AS task SET
        status = settled.status,
        schedule_time = CASE WHEN settled.status = 1 THEN coalesce(later, schedule_time) ELSE schedule_time END,
        end_time = CASE WHEN settled.status <> 1 THEN now() END,
        update_time = now(),
        result = settled.result,
        progress_percent = CASE WHEN settled.status = 1 THEN 0 ELSE progress_percent END,
        progress_message = CASE WHEN settled.status = 1 THEN '' ELSE progress_message END,
        attempt = CASE WHEN outcome = 3 THEN attempt - 1 ELSE attempt END,
        last_error = CASE WHEN outcome IN (2, 4) THEN error ELSE last_error END,
        lease_expire_time = NULL,
        worker = '',
        version = version + 1
    FROM settled WHERE task.id = settled.task_id
    RETURNING {columns}, {previous} AS previous
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, previous, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, settled.type, update_time, $8, project_id, id, version,
        CASE settled.type
            WHEN 'task.completed' THEN '{{status,result,lease_expire_time,worker}}'
            WHEN 'task.released' THEN '{{status,schedule_time,attempt,lease_expire_time,worker}}'
            WHEN 'task.retried' THEN '{{status,schedule_time,last_error,lease_expire_time,worker}}'
            ELSE '{{status,last_error,lease_expire_time,worker}}'
        END::text[],
        ROW({changed})::task_states, previous, $9
    FROM changed JOIN settled ON settled.task_id = changed.id
), counted AS (
    INSERT INTO job_keys AS known (queue_id, key, running, parked, most)
    SELECT queue_id, key, -count(*), 0, most FROM settled WHERE key <> '' GROUP BY queue_id, key, most ORDER BY queue_id, key
    ON CONFLICT (queue_id, key) DO UPDATE SET running = known.running + excluded.running, most = excluded.most
    RETURNING queue_id, key, open
), had_key AS MATERIALIZED (
    SELECT held.project_id, held.queue, held.key FROM changed JOIN unique_keys AS held
        ON (held.project_id, held.queue, held.key, held.task_id)
        = (changed.project_id, changed.queue, changed.unique_key, changed.id)
    WHERE unique_key <> '' AND unique_scope = 2 AND status <> 1
    ORDER BY held.project_id, held.queue, held.key FOR UPDATE OF held
), freed AS (
    DELETE FROM unique_keys USING had_key
    WHERE (unique_keys.project_id, unique_keys.queue, unique_keys.key) = (had_key.project_id, had_key.queue, had_key.key)
), taken AS (
    -- Waits again: with its key, unless another has it now.
    INSERT INTO unique_keys AS held (project_id, queue, key, task_id)
    SELECT project_id, queue, unique_key, id FROM changed WHERE unique_key <> '' AND unique_scope = 1 AND status = 1
    ORDER BY project_id, queue, unique_key
    ON CONFLICT (project_id, queue, key) DO UPDATE SET task_id = excluded.task_id, until = NULL WHERE held.until <= now()
), ends AS (
    INSERT INTO job_ends (queue_id, completed, failed, cancelled)
    SELECT queue_id, count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4), 0
    FROM settled WHERE status <> 1 GROUP BY queue_id
), behind AS MATERIALIZED (
    -- Claims may have passed by where these stand now.
    SELECT id FROM queues
    WHERE id IN (SELECT queue_id FROM settled WHERE status = 1 AND (later IS NULL OR later < now() + interval '1 second'))
    ORDER BY id FOR NO KEY UPDATE
), noted AS (
    UPDATE queues SET returns = returns + 1 FROM behind WHERE queues.id = behind.id
)
SELECT
    settled.lease_id AS answered,
    settled.status = 1 OR limited OR coalesce(counted.open, false) AS wakes,
    {changed}
FROM changed
JOIN settled ON settled.task_id = changed.id
LEFT JOIN counted ON settled.key <> '' AND counted.queue_id = settled.queue_id AND counted.key = settled.key

-- lock_leased
-- Those of the tasks that others wait for: locked, so that the next statement sees all who do.
SELECT jobs.lease_id FROM jobs JOIN tasks ON tasks.id = jobs.task_id
WHERE jobs.lease_id = ANY($1::uuid[]) AND tasks.blocks ORDER BY tasks.id FOR NO KEY UPDATE OF tasks

-- extend_lease
WITH held AS MATERIALIZED (
    SELECT jobs.task_id, now() + make_interval(secs => coalesce($2, default_lease_duration)) AS lease_end
    FROM jobs
    JOIN tasks ON tasks.id = jobs.task_id
    JOIN queues ON queues.id = jobs.queue_id
    WHERE jobs.lease_id = $1 AND jobs.lease_expire_time > now() AND ($3::uuid[] IS NULL OR tasks.project_id = ANY($3))
    FOR NO KEY UPDATE OF tasks
), extended AS (
    UPDATE jobs SET lease_expire_time = lease_end FROM held
    WHERE jobs.task_id = held.task_id AND jobs.lease_id = $1
    RETURNING held.*
), changed AS (
    UPDATE tasks AS task SET lease_expire_time = lease_end, update_time = now(), version = version + 1
    FROM extended WHERE task.id = extended.task_id
    RETURNING {columns}, {previous} AS previous
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, previous, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.extended', update_time, $4, project_id, id, version,
        '{{lease_expire_time}}', ROW({changed})::task_states, previous, $5
    FROM changed
)
SELECT {changed} FROM changed

-- hold_leases
-- The heartbeat of streams: no change of the tasks. Locked in the order of ids, as everywhere.
WITH held AS MATERIALIZED (
    SELECT task_id, lease_id FROM jobs
    WHERE lease_id = ANY($1::uuid[]) AND lease_expire_time > now()
    ORDER BY task_id FOR NO KEY UPDATE
)
UPDATE jobs SET lease_expire_time = now() + make_interval(secs => $2) FROM held
WHERE jobs.task_id = held.task_id AND jobs.lease_id = held.lease_id
RETURNING jobs.lease_id

-- report_progress
-- Gives no row if the lease doesn't hold, or if that much was known.
WITH held AS MATERIALIZED (
    SELECT jobs.task_id FROM jobs JOIN tasks ON tasks.id = jobs.task_id
    WHERE jobs.lease_id = $1 AND jobs.lease_expire_time > now() AND ($4::uuid[] IS NULL OR tasks.project_id = ANY($4))
    FOR NO KEY UPDATE OF tasks
), kept AS MATERIALIZED (
    SELECT jobs.task_id FROM jobs JOIN held USING (task_id) WHERE jobs.lease_id = $1 FOR NO KEY UPDATE OF jobs
), changed AS (
    UPDATE tasks AS task
    SET progress_percent = $2, progress_message = $3, update_time = now(), version = version + 1
    FROM kept
    WHERE task.id = kept.task_id AND (progress_percent, progress_message) IS DISTINCT FROM ($2::smallint, $3::text)
    RETURNING {columns}, {previous} AS previous
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, previous, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.progressed', update_time, $5, project_id, id, version,
        '{{progress}}', ROW({changed})::task_states, previous, $6
    FROM changed
)
SELECT {changed} FROM changed

-- leased_task
SELECT task.* FROM jobs JOIN task_states AS task ON task.id = jobs.task_id
WHERE lease_id = $1 AND jobs.lease_expire_time > now() AND ($2::uuid[] IS NULL OR project_id = ANY($2))


-- expired_leases
SELECT lease_id, worker FROM jobs
WHERE state = 3 AND lease_expire_time <= now() ORDER BY lease_expire_time LIMIT $1

-- next_ready_time
SELECT min(time) FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, name)
JOIN queues USING (project_id, name)
CROSS JOIN LATERAL (
    SELECT job.ready_time AS time
    FROM generate_series(1, 4) AS each (priority)
    CROSS JOIN LATERAL (
        SELECT ready_time FROM jobs
        WHERE
            queue_id = queues.id AND jobs.priority = each.priority AND state = 1 AND blockers = 0
            AND ready_time > now()
        ORDER BY ready_time LIMIT 1
    ) AS job
    UNION ALL
    SELECT min(time) + make_interval(secs => rate_period * 1.05) FROM job_starts
    WHERE queue_id = queues.id AND rate_tasks > 0 AND time > now() - make_interval(secs => rate_period * 1.05)
) AS next
WHERE pause_time IS NULL
