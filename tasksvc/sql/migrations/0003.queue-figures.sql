-- What is told of a queue beside its settings.
-- depends: 0002.queues

-- Counted with a queue's depth; the others have indexes of their own.
CREATE INDEX jobs_blocked ON jobs (queue_id) WHERE state = 1 AND blockers > 0;

-- When a worker asked for tasks of a queue, or answered, last. Written every second or so, and forgotten after some minutes.
CREATE TABLE queue_workers (
    project_id uuid NOT NULL,
    queue text NOT NULL,
    name text NOT NULL,
    seen_time timestamptz NOT NULL,
    PRIMARY KEY (project_id, queue, name)
) WITH (fillfactor = 70);
CREATE INDEX queue_workers_age ON queue_workers (seen_time);

-- Sums of years.
ALTER TABLE job_ends
    ALTER COLUMN completed TYPE bigint, ALTER COLUMN failed TYPE bigint, ALTER COLUMN cancelled TYPE bigint;
