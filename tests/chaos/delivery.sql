-- told
-- Everything that members of the project are told of.
SELECT event_id::text, task_id::text, version FROM tasksvc.events WHERE project_id = $1::uuid AND task_id IS NOT NULL ORDER BY id

-- concerned
-- Whom each event concerns: whoever gets a new task, whoever made or has one that is completed.
SELECT event_id::text, (task).assignee_id::text AS user_id FROM tasksvc.events
WHERE project_id = $1::uuid AND type IN ('task.created', 'task.completed') AND (task).assignee_id IS NOT NULL
UNION
SELECT event_id::text, (task).creator_id::text FROM tasksvc.events WHERE project_id = $1::uuid AND type = 'task.completed'

-- notified
-- The rows of the inboxes, and what became of their mails.
SELECT notifications.event_id::text, notifications.user_id::text, mails.state, mails.doubts
FROM notifysvc.notifications LEFT JOIN notifysvc.mails USING (id)

-- end_leases
-- Of mailers that were killed. Nobody sends just now.
UPDATE notifysvc.mails SET next_time = now() WHERE state = 1

-- unsettled
-- What is not done yet: events that are not in the stream, mails that are not sent.
SELECT
    (SELECT count(*) FROM tasksvc.events WHERE stream_sequence IS NULL)
    + (SELECT count(*) FROM notifysvc.mails WHERE state = 1)
