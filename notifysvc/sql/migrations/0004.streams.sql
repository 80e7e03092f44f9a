-- What streams are opened with, and what was seen of them.
-- depends: 0001.first-schema

-- Tickets that were not used yet. The row alone opens nothing: it has a hash of the ticket, and the token under a key that is
-- made of the ticket.
CREATE TABLE tickets (
    hash bytea PRIMARY KEY,
    sealed bytea NOT NULL,
    expire_time timestamptz NOT NULL
);
CREATE INDEX tickets_age ON tickets (expire_time);

-- What a person's devices acknowledged: of one kind of subscription each, everything in the stream after one sequence and up to
-- another.
CREATE TABLE acks (
    user_id uuid NOT NULL,
    device text NOT NULL,                 -- as it calls itself, else its session or API token
    project_id uuid,                      -- null: all that the person may see
    inbox boolean NOT NULL,
    stream bigint NOT NULL,               -- which one it is, as in cursors
    after_sequence bigint NOT NULL,
    sequence bigint NOT NULL,
    time timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (user_id, device, project_id, inbox)
) WITH (fillfactor = 70);
CREATE INDEX acks_age ON acks (time);
