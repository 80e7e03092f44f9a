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

-- What a change of a task left, as a row: it is written in a third of the time that its JSON takes, and in a quarter of the room.
-- Columns that the view gets later are null in rows that were written before.
ALTER TABLE events
    ADD COLUMN task task_states,
    ALTER COLUMN body DROP NOT NULL,
    ADD CHECK ((task_id IS NULL) = (body IS NOT NULL));

-- Each change of a row of `tasks` leaves its page room for the next two: no index has to be told of them.
ALTER TABLE tasks SET (fillfactor = 50);

-- Whether other tasks wait for this one, or did: whoever ends it must look (see tasksvc/blockers.py). No part of its state.
ALTER TABLE tasks ADD COLUMN blocks boolean NOT NULL DEFAULT false;

-- Which tasks wait for which. open: the blocker is there, and not COMPLETED.
CREATE TABLE task_blockers (
    task_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    blocker_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
    open boolean NOT NULL,
    PRIMARY KEY (task_id, blocker_id)
);
CREATE INDEX task_blockers_blocker ON task_blockers (blocker_id);

CREATE TABLE queues (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects,
    name text NOT NULL,
    max_concurrency integer NOT NULL DEFAULT 0,               -- 0: no limit
    max_concurrency_per_key integer NOT NULL DEFAULT 0,       -- 0: no limit
    rate_tasks integer NOT NULL DEFAULT 0,                    -- 0: no limit
    rate_period double precision NOT NULL DEFAULT 1,          -- these and the following times in seconds
    default_max_attempts integer NOT NULL DEFAULT 5,
    backoff_initial double precision NOT NULL DEFAULT 5,
    backoff_max double precision NOT NULL DEFAULT 3600,
    default_lease_duration double precision NOT NULL DEFAULT 30,
    retention double precision,                               -- null: for ever
    pause_time timestamptz,
    version integer NOT NULL DEFAULT 1,                       -- of the settings
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    -- Grows when a job comes to stand where claims may have passed by already: they begin from the front again.
    returns bigint NOT NULL DEFAULT 0,
    UNIQUE (project_id, name)
) WITH (fillfactor = 50);

-- A row for each task of a queue that has not ended and is not deleted: what a claim must know to find it. The row of `tasks`
-- is locked first by whoever changes both. No foreign keys: each would cost a look at every enqueueing, and a lock on the
-- queue's row that everybody shares; the statements keep them true.
CREATE TABLE jobs (
    task_id uuid PRIMARY KEY,
    queue_id bigint NOT NULL,
    priority smallint NOT NULL,
    ready_time timestamptz NOT NULL,                          -- schedule_time, else create_time
    key text NOT NULL,                                        -- concurrency_key
    state smallint NOT NULL,                                  -- 1 waits, 2 waits for its key, 3 runs
    blockers integer NOT NULL DEFAULT 0,                      -- how many are open
    lease_id uuid,                                            -- null while it waits, and while a person is at it
    lease_expire_time timestamptz,
    worker text NOT NULL DEFAULT ''
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);
CREATE INDEX jobs_waiting ON jobs (queue_id, priority, ready_time, task_id) WHERE state = 1 AND blockers = 0;
CREATE INDEX jobs_blocked ON jobs (queue_id) WHERE blockers > 0;
CREATE INDEX jobs_parked ON jobs (queue_id, key, priority DESC, ready_time, task_id) WHERE state = 2;
CREATE UNIQUE INDEX jobs_lease ON jobs (lease_id) WHERE lease_id IS NOT NULL;
CREATE INDEX jobs_running ON jobs (queue_id, lease_expire_time) WHERE state = 3;

-- How many jobs with a concurrency_key run, how many wait for others with the same, and how many may run. A key is open when
-- one that waits for it may start.
CREATE TABLE job_keys (
    queue_id bigint NOT NULL,
    key text NOT NULL,
    running integer NOT NULL,
    parked integer NOT NULL,
    most integer NOT NULL,                                    -- the queue's max_concurrency_per_key; without one, the largest number
    asked integer NOT NULL DEFAULT 0,                         -- only carries a number through a claim's INSERT .. ON CONFLICT
    open boolean NOT NULL GENERATED ALWAYS AS (parked > 0 AND running < most) STORED,
    PRIMARY KEY (queue_id, key)
) WITH (fillfactor = 50);
CREATE INDEX job_keys_open ON job_keys (queue_id) WHERE open;

-- How many jobs of a queue with a rate_limit were started, by twentieths of its period.
CREATE TABLE job_starts (
    queue_id bigint NOT NULL,
    time timestamptz NOT NULL,
    tasks integer NOT NULL,
    PRIMARY KEY (queue_id, time)
);

-- How many tasks of a queue ended in a statement: only ever inserted, so that nobody waits for somebody else's count. Rows
-- that are old enough may be added up.
CREATE TABLE job_ends (
    queue_id bigint NOT NULL,
    time timestamptz NOT NULL DEFAULT now(),
    completed integer NOT NULL,
    failed integer NOT NULL,
    cancelled integer NOT NULL
);
CREATE INDEX job_ends_queue ON job_ends (queue_id, time);

-- Who has which unique_key. until: only with the scope PERIOD.
CREATE TABLE unique_keys (
    project_id uuid NOT NULL,
    queue text NOT NULL,
    key text NOT NULL,
    task_id uuid NOT NULL,
    until timestamptz,
    PRIMARY KEY (project_id, queue, key)
);
CREATE INDEX unique_keys_age ON unique_keys (until) WHERE until IS NOT NULL;
