-- claim_deadlines
-- Some of which so much was told, and that are due by then; what others are changing comes later. Locks both rows: with one
-- alone, what another replica did in between would not be seen.
SELECT task.*, EXISTS (SELECT FROM projects WHERE projects.id = project_id AND projects.delete_time IS NULL) AS in_project
FROM deadlines AS deadline JOIN task_states AS task ON task.id = deadline.task_id
WHERE open AND told < 2 AND told = $1 AND deadline.due_time <= now() + make_interval(secs => $2)
ORDER BY deadline.due_time LIMIT $3
FOR NO KEY UPDATE OF deadline, task SKIP LOCKED

-- note_deadlines
UPDATE deadlines SET told = $2 WHERE task_id = ANY($1::uuid[])

-- claim_recurrences
-- Some series that are to be looked at, each with its newest task, and whether what that names is still there. Both rows are
-- locked, as above.
SELECT
    task.*, recurrence.schedule_time AS meant_time, wall, number, now() AS moment,
    EXISTS (SELECT FROM projects WHERE projects.id = task.project_id AND projects.delete_time IS NULL) AS in_project,
    EXISTS (
        SELECT FROM members WHERE members.project_id = task.project_id AND members.user_id = task.assignee_id
    ) AS assignee_there,
    EXISTS (
        SELECT FROM tasks AS parent
        WHERE parent.id = task.parent_id AND parent.project_id = task.project_id AND parent.delete_time IS NULL
    ) AS parent_there
FROM recurrences AS recurrence JOIN task_states AS task ON task.id = recurrence.task_id
WHERE wake_time <= now()
ORDER BY wake_time LIMIT $1
FOR NO KEY UPDATE OF recurrence, task SKIP LOCKED

-- continue_series
-- The next task is made: the series goes on there.
WITH before AS (
    UPDATE recurrences SET next_id = $2, wake_time = NULL WHERE task_id = $1
)
UPDATE recurrences SET wall = $3, number = $4 WHERE task_id = $2

-- wake_series
-- Looks at it again then; null: not as things are.
UPDATE recurrences SET wake_time = $2 WHERE task_id = $1
