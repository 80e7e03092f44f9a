-- lease_tasks
-- Claims the first tasks of these places (a queue and a priority each), in this order, that nobody else is at: the job, the
-- next version of the task and its event in one statement. Both rows are locked, and locked ones passed over: a claim waits
-- for nobody. now() is also what decides whether a task's time has come.
-- $1-$3: the places; $4: how many; $5: the worker; $6: how long, in seconds, or null; $7: whether the leases are a stream's;
-- $8: the actor; $9: the trace context.
WITH picked AS MATERIALIZED (
    SELECT
        place.number, queue.id AS queue_id, coalesce($6, queue.default_lease_duration) AS duration, uuidv7() AS lease_id, job.*
    FROM unnest($1::uuid[], $2::text[], $3::smallint[]) WITH ORDINALITY AS place (project_id, name, priority, number)
    CROSS JOIN LATERAL (
        SELECT id, default_lease_duration FROM queues
        WHERE queues.project_id = place.project_id AND queues.name = place.name AND pause_time IS NULL
        OFFSET 0
    ) AS queue
    CROSS JOIN LATERAL (
        SELECT jobs.task_id, jobs.ready_time FROM jobs JOIN tasks ON tasks.id = jobs.task_id
        WHERE
            jobs.queue_id = queue.id AND jobs.priority = place.priority AND jobs.state = 1 AND jobs.blockers = 0
            AND jobs.ready_time <= now()
        ORDER BY jobs.ready_time, jobs.task_id LIMIT $4
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS job
    LIMIT $4
), leased AS (
    UPDATE jobs
    SET state = 3, lease_id = picked.lease_id, lease_expire_time = now() + make_interval(secs => duration), worker = $5
    FROM picked WHERE jobs.task_id = picked.task_id
), started AS (
    UPDATE task_states AS task
    SET
        status = 2, attempt = attempt + 1, worker = $5, start_time = now(), end_time = NULL, update_time = now(),
        lease_expire_time = CASE WHEN NOT $7::boolean THEN now() + make_interval(secs => duration) END,
        version = version + 1
    FROM picked WHERE task.id = picked.task_id
    RETURNING task.*
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, body, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.started', update_time, $8, project_id, id, version,
        CASE WHEN $7 THEN '{status,attempt,worker}' ELSE '{status,attempt,lease_expire_time,worker}' END::text[],
        to_jsonb(started), $9
    FROM started
)
SELECT picked.lease_id, now() + make_interval(secs => duration) AS lease_end, started.*
FROM picked JOIN started ON started.id = picked.task_id
ORDER BY picked.number, picked.ready_time, picked.task_id

-- settle_leases
-- What became of leased tasks, in one statement; answers to leases that don't hold change nothing, and give no row. The tasks
-- are locked first, in the order of ids, then the jobs: by everybody, so that nobody waits in a circle. That the lease still
-- holds is seen on the job's newest version.
-- $1-$6: the answers: the lease, the outcome (1 completed, 2 failed, 3 released, 4 the lease ran out), the result, the error,
-- whether it may be retried, and when in seconds or null; $7: the projects in which the caller may answer, or null for all; $8: the actor;
-- $9: the trace context.
WITH answer AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::jsonb[], $4::text[], $5::boolean[], $6::double precision[])
        AS given (lease_id, outcome, result, error, retryable, delay)
), held AS MATERIALIZED (
    SELECT
        answer.*, jobs.task_id, queues.id AS queue_id, queues.returns,
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
        -- No longer than the longest, and no sum so large that it overflows.
        now() + make_interval(secs => coalesce(delay, CASE WHEN outcome = 2 THEN
            least(backoff_max, backoff_initial * 2.0 ^ least(attempt - 1, 30)) * (0.9 + 0.2 * random())
        END)) AS later
    FROM answer
    JOIN jobs ON jobs.lease_id = answer.lease_id
    JOIN tasks ON tasks.id = jobs.task_id
    JOIN queues ON queues.id = jobs.queue_id
    WHERE (outcome = 4) = (jobs.lease_expire_time <= now()) AND ($7::uuid[] IS NULL OR tasks.project_id = ANY($7))
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
    UPDATE task_states AS task
    SET
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
    RETURNING task.*
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, body, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, settled.type, update_time, $8, project_id, id, version,
        CASE settled.outcome
            WHEN 1 THEN '{status,result,lease_expire_time,worker}'
            WHEN 2 THEN '{status,schedule_time,last_error,lease_expire_time,worker}'
            WHEN 4 THEN '{status,last_error,lease_expire_time,worker}'
            ELSE '{status,schedule_time,attempt,lease_expire_time,worker}'
        END::text[],
        to_jsonb(changed), $9
    FROM changed JOIN settled ON settled.task_id = changed.id
)
SELECT settled.lease_id AS answered, changed.* FROM changed JOIN settled ON settled.task_id = changed.id

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
    UPDATE task_states AS task SET lease_expire_time = lease_end, update_time = now(), version = version + 1
    FROM extended WHERE task.id = extended.task_id
    RETURNING task.*
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, body, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.extended', update_time, $4, project_id, id, version,
        '{lease_expire_time}', to_jsonb(changed), $5
    FROM changed
)
SELECT * FROM changed

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
    UPDATE task_states AS task
    SET progress_percent = $2, progress_message = $3, update_time = now(), version = version + 1
    FROM kept
    WHERE task.id = kept.task_id AND (progress_percent, progress_message) IS DISTINCT FROM ($2::smallint, $3::text)
    RETURNING task.*
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, body, traceparent
    )
    SELECT
        uuidv7(), get_byte(uuid_send(id), 15) & 15, 'task.progressed', update_time, $5, project_id, id, version,
        '{progress}', to_jsonb(changed), $6
    FROM changed
)
SELECT * FROM changed

-- leased_task
SELECT task.* FROM jobs JOIN task_states AS task ON task.id = jobs.task_id
WHERE lease_id = $1 AND jobs.lease_expire_time > now() AND ($2::uuid[] IS NULL OR project_id = ANY($2))


-- expired_leases
SELECT lease_id, worker FROM jobs
WHERE state = 3 AND lease_expire_time <= now() ORDER BY lease_expire_time LIMIT $1

-- next_ready_time
SELECT min(job.ready_time) FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, name)
JOIN queues USING (project_id, name)
CROSS JOIN generate_series(1, 4) AS each (priority)
CROSS JOIN LATERAL (
    SELECT ready_time FROM jobs
    WHERE
        queue_id = queues.id AND jobs.priority = each.priority AND state = 1 AND blockers = 0
        AND ready_time > now()
    ORDER BY ready_time LIMIT 1
) AS job
WHERE pause_time IS NULL
