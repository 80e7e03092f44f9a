-- list_retentions
-- Queues whose ended tasks don't stay.
SELECT id, project_id, name, retention FROM queues WHERE retention IS NOT NULL

-- scan_ended
-- One stretch of a project's tasks, oldest first: those in it that ended long enough ago, and where it ends. No index holds
-- just these: it would have to change whenever a task ends. The newest task of a series that goes on stays: it would end.
WITH stretch AS MATERIALIZED (
    SELECT id, queue, create_time, update_time, end_time, delete_time FROM tasks
    WHERE project_id = $1 AND create_time < now() - make_interval(secs => $3) AND (create_time, id) > ($4, $5)
    ORDER BY create_time, id LIMIT $6
)
SELECT
    ARRAY(
        SELECT id::text FROM stretch
        WHERE
            queue = $2 AND delete_time IS NULL
            AND end_time < now() - make_interval(secs => $3) AND update_time < now() - make_interval(secs => $3)
            AND NOT EXISTS (SELECT FROM recurrences WHERE task_id = stretch.id AND wake_time IS NOT NULL)
    ) AS ended,
    (SELECT count(*) FROM stretch) AS seen, last.create_time, last.id
FROM (SELECT create_time, id FROM stretch ORDER BY create_time DESC, id DESC LIMIT 1) AS last

-- claim_deleted
-- Tasks that have been deleted for so long, all of whose events are published.
SELECT id::text FROM tasks
WHERE
    delete_time < now() - make_interval(secs => $1)
    AND NOT EXISTS (SELECT FROM events WHERE task_id = tasks.id AND stream_sequence IS NULL)
ORDER BY delete_time LIMIT $2
FOR UPDATE SKIP LOCKED

-- list_dependants
-- Those that name one of these tasks as what they are part of, or wait for.
SELECT * FROM task_states
WHERE NOT id = ANY($1::uuid[]) AND id IN (
    SELECT id FROM tasks WHERE parent_id = ANY($1::uuid[])
    UNION
    SELECT task_id FROM task_blockers WHERE blocker_id = ANY($1::uuid[])
)

-- purge_tasks
-- Tasks with their history; what else is known of them goes by itself.
WITH history AS (
    DELETE FROM events WHERE task_id = ANY($1::uuid[])
)
DELETE FROM tasks WHERE id = ANY($1::uuid[])

-- forget_unique_keys
-- Keys that were taken for a period which is over. They are free already: whoever asks for one gets it.
DELETE FROM unique_keys
WHERE (project_id, queue, key) IN (
    SELECT project_id, queue, key FROM unique_keys WHERE until < now() ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED
)
