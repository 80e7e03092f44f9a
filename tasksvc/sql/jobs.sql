-- enqueue_tasks
-- As create_tasks, for tasks of which some have a queue: with their jobs, and the max_attempts that the queue gives to those
-- that don't say it. A job without a queue's row breaks a constraint rather than to get lost.
WITH change AS MATERIALIZED (
    SELECT
        item, (item -> 'task' ->> 'id')::uuid AS id, queues.id AS queue_id,
        item -> 'task' || CASE WHEN item -> 'task' -> 'max_attempts' = '0' AND queues.id IS NOT NULL
            THEN jsonb_build_object('max_attempts', default_max_attempts) ELSE '{{}}' END AS task
    FROM {items} AS given (item)
    LEFT JOIN queues
        ON queues.project_id = (item -> 'task' ->> 'project_id')::uuid AND queues.name = item -> 'task' ->> 'queue'
), changed AS (
    INSERT INTO task_states
    SELECT new.* FROM change, jsonb_populate_record(NULL::task_states, change.task) AS new
    RETURNING *
), job AS (
    INSERT INTO jobs (task_id, queue_id, priority, ready_time, key, state)
    SELECT id, queue_id, priority, coalesce(schedule_time, create_time), concurrency_key, 1
    FROM changed JOIN change USING (id) WHERE queue <> ''
    RETURNING queue_id, ready_time
), behind AS MATERIALIZED (
    -- How long ago is told by how close to the present claims remember to have passed by (see tasksvc/passed_by.py).
    SELECT id FROM queues WHERE id IN (SELECT queue_id FROM job WHERE ready_time < now() - interval '0.2 seconds')
    ORDER BY id FOR NO KEY UPDATE
), returned AS (
    UPDATE queues SET returns = returns + 1 FROM behind WHERE queues.id = behind.id
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, mentioned_ids,
        traceparent
    )
    SELECT
        (item ->> 'event_id')::uuid, (item ->> 'partition')::smallint, item ->> 'type', changed.update_time, $2,
        changed.project_id, id, changed.version,
        ARRAY(SELECT jsonb_array_elements_text(item -> 'fields')), ROW(changed.*)::task_states,
        CASE WHEN item ? 'mentioned' THEN ARRAY(SELECT jsonb_array_elements_text(item -> 'mentioned'))::uuid[] END, $3
    FROM changed JOIN change USING (id)
)
SELECT * FROM changed

-- ensure_queues
-- Makes the queues that aren't there yet. Others see them when the transaction ends, so it is best a short one.
INSERT INTO queues (project_id, name)
SELECT project_id, name FROM unnest($1::uuid[], $2::text[]) AS wanted (project_id, name)
WHERE NOT EXISTS (SELECT FROM queues WHERE queues.project_id = wanted.project_id AND queues.name = wanted.name)
ORDER BY project_id, name
ON CONFLICT (project_id, name) DO NOTHING

-- follow_jobs
-- Brings the jobs of these tasks, whose rows were locked and changed before in the same transaction, in step with them. A
-- job's count of open blockers is left as it is: others may be changing it, who don't lock the task.
WITH wanted AS MATERIALIZED (
    SELECT
        tasks.id, tasks.project_id, tasks.queue, tasks.status, tasks.priority, tasks.concurrency_key AS key,
        coalesce(schedule_time, tasks.create_time) AS ready_time,
        tasks.status < 3 AND delete_time IS NULL AS there, queues.id AS queue_id
    FROM tasks LEFT JOIN queues ON queues.project_id = tasks.project_id AND queues.name = tasks.queue
    WHERE tasks.id = ANY($1::uuid[]) AND tasks.queue <> ''
), before AS MATERIALIZED (
    SELECT * FROM jobs WHERE task_id = ANY($1::uuid[]) ORDER BY task_id FOR UPDATE
), after AS MATERIALIZED (
    SELECT
        wanted.*, before.task_id IS NOT NULL AS was_there, before.queue_id AS old_queue_id, before.state AS old_state,
        before.lease_id IS NOT NULL AS was_leased,
        there AND before.lease_id IS NOT NULL AND status = 2 AS leased,
        CASE
            WHEN status = 2 THEN 3
            WHEN before.state = 2 AND before.queue_id = wanted.queue_id AND wanted.ready_time <= now() THEN 2
            ELSE 1
        END AS state
    FROM wanted LEFT JOIN before ON before.task_id = wanted.id
), dropped AS (
    DELETE FROM jobs USING after WHERE jobs.task_id = after.id AND NOT there
), moved AS (
    UPDATE jobs
    SET
        queue_id = after.queue_id, priority = after.priority, ready_time = after.ready_time, state = after.state,
        lease_id = CASE WHEN leased THEN lease_id END,
        lease_expire_time = CASE WHEN leased THEN lease_expire_time END,
        worker = CASE WHEN leased THEN worker ELSE '' END
    FROM after WHERE jobs.task_id = after.id AND there
), put AS (
    INSERT INTO jobs (task_id, queue_id, priority, ready_time, key, state, blockers)
    SELECT
        id, queue_id, priority, ready_time, key, state,
        (SELECT count(*) FROM task_blockers WHERE task_blockers.task_id = after.id AND open)
    FROM after WHERE there AND NOT was_there
), counted AS (
    INSERT INTO job_keys AS known (queue_id, key, running, parked, most)
    SELECT
        queue_id, key, sum(running), sum(parked),
        (SELECT coalesce(nullif(max_concurrency_per_key, 0), 2147483647) FROM queues WHERE queues.id = queue_id)
    FROM (
        SELECT old_queue_id AS queue_id, key, -was_leased::integer AS running, -(old_state = 2)::integer AS parked FROM after
        WHERE was_there
        UNION ALL
        SELECT queue_id, key, leased::integer, (state = 2)::integer FROM after WHERE was_there AND there
    ) AS change
    WHERE key <> ''
    GROUP BY 1, 2 HAVING sum(running) <> 0 OR sum(parked) <> 0
    ORDER BY 1, 2
    ON CONFLICT (queue_id, key) DO UPDATE
        SET running = known.running + excluded.running, parked = known.parked + excluded.parked, most = excluded.most
    RETURNING queue_id, open
), ended AS (
    INSERT INTO job_ends (queue_id, completed, failed, cancelled)
    SELECT old_queue_id, count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4), count(*) FILTER (WHERE status = 5)
    FROM after WHERE was_there AND status >= 3 GROUP BY 1
)
SELECT project_id, name, bool_or(returned) AS returned, bool_or(woken) AS woken
FROM (
    SELECT queue_id AS id, true AS returned, false AS woken FROM after WHERE there AND state = 1
    UNION ALL
    SELECT old_queue_id, false, true FROM after WHERE was_leased AND NOT leased
    UNION ALL
    SELECT queue_id, false, true FROM counted WHERE open
) AS queue
JOIN queues USING (id)
GROUP BY 1, 2

-- note_returns
-- In the order of ids, as everywhere, and after everything else: nobody waits for anything while having these rows.
WITH behind AS MATERIALIZED (
    SELECT id FROM unnest($1::uuid[], $2::text[]) AS given (project_id, name) JOIN queues USING (project_id, name)
    ORDER BY id FOR NO KEY UPDATE OF queues
)
UPDATE queues SET returns = returns + 1 FROM behind WHERE queues.id = behind.id
