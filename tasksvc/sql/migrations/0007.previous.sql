-- What a change replaced.
-- depends: 0002.queues

-- The values that the changed columns had before, and the former stamps; all else is null. Null as a whole: the event changed no
-- task, or was written before this migration.
ALTER TABLE events ADD COLUMN previous task_states;
