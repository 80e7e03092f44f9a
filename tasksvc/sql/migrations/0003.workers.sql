-- What is told of a queue beside its settings, and leases that move from one Work stream to another.
-- depends: 0002.queues

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

-- Whose a lease is that moved to another stream, or which a stream gave back when it ended: the stream before, which may end
-- later or on another replica, must not give back what has moved. Forgotten after some minutes.
CREATE TABLE lease_moves (
    lease_id uuid PRIMARY KEY,
    stream_id uuid NOT NULL,
    ended boolean NOT NULL DEFAULT false,
    time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lease_moves_age ON lease_moves (time);
