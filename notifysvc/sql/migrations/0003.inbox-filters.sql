-- What inboxes are filtered by, beside the columns that there are: of the event, and the title of its task.
ALTER TABLE notifications
    ADD COLUMN type text,                 -- null: to be filled in from the event (see notifysvc/facets.py)
    ADD COLUMN actor_id uuid,
    ADD COLUMN project_id uuid,
    ADD COLUMN task_id uuid,
    ADD COLUMN title text;
CREATE INDEX notifications_task ON notifications (user_id, task_id, id DESC);
CREATE INDEX notifications_unsorted ON notifications (id) WHERE type IS NULL;
