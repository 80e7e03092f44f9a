-- What people say about tasks, and whom their texts name.
-- depends: 0004.timetable

-- number: in which order they came. It is drawn while the task's row is held, so none comes to stand before one that was read.
CREATE TABLE comments (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    task_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    author_id uuid NOT NULL REFERENCES users,
    text text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX comments_task ON comments (task_id, number);
CREATE INDEX comments_author ON comments (task_id, author_id);

-- An event that tells of a comment is none of the task's versions: its own version is 0. `task` is how the task was then.
ALTER TABLE events
    ADD COLUMN comment jsonb,             -- the row after the change
    ADD COLUMN mentioned_ids uuid[],      -- users whom a text names now
    ADD COLUMN commenter_ids uuid[];      -- users who commented on the task before
CREATE INDEX events_comments ON events (task_id, id DESC) WHERE task_id IS NOT NULL AND version = 0;
