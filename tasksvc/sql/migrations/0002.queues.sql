-- Tasks for workers: what a task says of how it is to be done, and the queues that they wait in.

ALTER TABLE tasks
    ADD COLUMN unique_key text NOT NULL DEFAULT '',
    ADD COLUMN unique_scope smallint NOT NULL DEFAULT 0,      -- Task.UniqueScope
    ADD COLUMN unique_period double precision,                -- seconds
    ADD COLUMN concurrency_key text NOT NULL DEFAULT '',
    ADD COLUMN max_attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN blocked_by uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN recurrence text NOT NULL DEFAULT '',
    ADD COLUMN recurrence_mode smallint NOT NULL DEFAULT 0,   -- Task.RecurrenceMode
    ADD COLUMN recurrence_time_zone text NOT NULL DEFAULT '',
    ADD COLUMN series_id uuid;

CREATE OR REPLACE VIEW task_states AS
SELECT
    id, project_id, title, description, status, priority, labels, creator_id, assignee_id, due_time, schedule_time,
    start_time, end_time, create_time, update_time, delete_time, parent_id, version, queue, payload, result,
    progress_percent, progress_message, attempt, last_error, lease_expire_time, worker, unique_key, unique_scope,
    unique_period, concurrency_key, max_attempts, blocked_by, recurrence, recurrence_mode, recurrence_time_zone, series_id
FROM tasks;
