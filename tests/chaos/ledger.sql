-- not_once
-- Tasks that did not end exactly once.
SELECT tasks.id, tasks.status, count(events.id) FILTER (WHERE events.type = 'task.completed') AS ends
FROM tasks LEFT JOIN events ON events.task_id = tasks.id
WHERE tasks.project_id = $1
GROUP BY tasks.id
HAVING tasks.status <> 3 OR count(events.id) FILTER (WHERE events.type = 'task.completed') <> 1

-- gaps
-- Tasks that have a version without an event, or two events of one version.
SELECT tasks.id, tasks.version, count(events.id) AS events
FROM tasks LEFT JOIN events ON events.task_id = tasks.id
WHERE tasks.project_id = $1
GROUP BY tasks.id
HAVING count(events.id) <> tasks.version OR count(DISTINCT events.version) <> tasks.version

-- fenced_results
-- Tasks whose stored result is not that of the worker that had the task last.
SELECT tasks.id, tasks.result, last.worker, last.attempt
FROM tasks CROSS JOIN LATERAL (
    SELECT (task).worker, (task).attempt::text FROM events WHERE task_id = tasks.id AND type = 'task.started' ORDER BY version DESC LIMIT 1
) AS last
WHERE tasks.project_id = $1 AND (
    tasks.result ->> 'worker' <> last.worker OR tasks.result ->> 'attempt' <> last.attempt
    OR (tasks.result ->> 'square')::bigint <> ((tasks.payload ->> 'number')::bigint ^ 2)::bigint
)

-- takes
-- Who had each task from when until when.
SELECT (task).worker, time AS began, lead(time) OVER (PARTITION BY task_id ORDER BY version) AS ended
FROM events WHERE project_id = $1 AND task_id IS NOT NULL
