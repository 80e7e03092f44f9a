-- Everything that tasksvc owns. Runs with search_path set to its own schema, then public for the extensions.

CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA public;

DO $$
BEGIN
    -- Else words in other scripts than Latin would be found in the case only in which they were written.
    IF lower('ÉЖ') <> 'éж' THEN
        RAISE EXCEPTION 'the database can''t fold the case of Unicode letters: create it with the locale C.UTF-8';
    END IF;
END
$$;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    username text NOT NULL UNIQUE,
    email text NOT NULL,
    password_hash text NOT NULL,
    personal_project_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    -- Grows with every change of what the user may do: memberships, sessions, API tokens. Cached copies are told apart by it.
    access_version integer NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

-- A session is a chain of refresh tokens. end_time: signed out, or a used refresh token came back.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL,
    end_time timestamptz
);
CREATE INDEX sessions_ended ON sessions (user_id, end_time) WHERE end_time IS NOT NULL;
CREATE INDEX sessions_age ON sessions (expire_time);
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    create_time timestamptz NOT NULL DEFAULT now(),
    use_time timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_age ON refresh_tokens (create_time);

CREATE TABLE tokens (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz,
    revoke_time timestamptz
);
CREATE INDEX tokens_user ON tokens (user_id, id);

-- Made by the first tasksvc that finds none, shared by all replicas.
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    private_pem text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE projects (
    id uuid PRIMARY KEY,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    personal boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz
);

CREATE TABLE members (
    project_id uuid NOT NULL REFERENCES projects,
    user_id uuid NOT NULL REFERENCES users,
    role smallint NOT NULL,  -- Member.Role
    version integer NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    status smallint NOT NULL DEFAULT 1,    -- Task.Status
    priority smallint NOT NULL DEFAULT 2,  -- Task.Priority
    labels text[] NOT NULL DEFAULT '{}',
    creator_id uuid NOT NULL REFERENCES users,
    assignee_id uuid REFERENCES users,
    due_time timestamptz,
    schedule_time timestamptz,
    start_time timestamptz,
    end_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    delete_time timestamptz,
    parent_id uuid REFERENCES tasks,
    version integer NOT NULL DEFAULT 1,
    queue text NOT NULL DEFAULT '',
    payload jsonb,
    result jsonb,
    progress_percent smallint NOT NULL DEFAULT 0,
    progress_message text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    lease_expire_time timestamptz,
    worker text NOT NULL DEFAULT '',
    -- The russian configuration stems Cyrillic words as Russian and ASCII words as English; people write е for ё.
    words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('russian', translate(title, 'Ёё', 'Ее')), 'A')
        || setweight(to_tsvector('russian', translate(description, 'Ёё', 'Ее')), 'B')
    ) STORED
);
CREATE INDEX tasks_project ON tasks (project_id, create_time DESC, id DESC);
CREATE INDEX tasks_assignee ON tasks (assignee_id, create_time DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX tasks_creator ON tasks (creator_id, create_time DESC, id DESC);
CREATE INDEX tasks_parent ON tasks (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_words ON tasks USING gin (words);
CREATE INDEX tasks_title_trigrams ON tasks USING gin (title gin_trgm_ops);

-- Tasks as everything but the search sees them: with whole rows, as statements and events have them, go no words.
CREATE VIEW task_states AS
SELECT
    id, project_id, title, description, status, priority, labels, creator_id, assignee_id, due_time, schedule_time,
    start_time, end_time, create_time, update_time, delete_time, parent_id, version, queue, payload, result,
    progress_percent, progress_message, attempt, last_error, lease_expire_time, worker
FROM tasks;

-- Every committed change, written in the statement that made it: the outbox that the relay publishes from, the ledger that
-- lost events are found in, and the history of each task.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,               -- UUIDv7, made by us
    partition smallint NOT NULL,          -- which relay owner publishes it; one partition a task
    type text NOT NULL,                   -- task.created, member.removed, ...
    time timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    project_id uuid,
    task_id uuid,
    subject_id uuid,                      -- the member's user, session or token, where it is no task
    version integer NOT NULL DEFAULT 0,
    changed_fields text[] NOT NULL DEFAULT '{}',
    body jsonb NOT NULL,                  -- the row after the change
    traceparent text NOT NULL DEFAULT '',
    stream_sequence bigint                -- where JetStream put it; null until it is published
);
CREATE INDEX events_waiting ON events (partition, id) WHERE stream_sequence IS NULL;
CREATE INDEX events_published ON events (partition, stream_sequence DESC) WHERE stream_sequence IS NOT NULL;
CREATE INDEX events_subject ON events (subject_id, id DESC) WHERE subject_id IS NOT NULL;
CREATE INDEX events_task ON events (task_id, version DESC) WHERE task_id IS NOT NULL;

-- The first answers to requests that named a request_id, kept for a day.
CREATE TABLE replays (
    caller text NOT NULL,
    request_id text NOT NULL,
    fingerprint bytea NOT NULL,           -- of the method and the request
    response bytea,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, request_id)
);
CREATE INDEX replays_age ON replays (create_time);

-- Who does single-owner work (a relay partition), until when; the term fences an owner that lost it and does not know.
CREATE TABLE ownerships (
    name text PRIMARY KEY,
    owner text NOT NULL,
    term bigint NOT NULL,
    expire_time timestamptz NOT NULL
);

-- Whether the cache may be believed, under which epoch and on which Redis server (see tasksvc/cache_trust.py).
CREATE TABLE cache_trust (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    trusted boolean NOT NULL,
    server text NOT NULL,
    change_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO cache_trust (epoch, trusted, server) VALUES (1, false, '');
