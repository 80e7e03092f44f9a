-- Webhooks of projects, and what they are sent.
-- depends: 0007.departure-times

CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    event_types text[] NOT NULL,           -- types, or families such as task.*; none: all
    disabled boolean NOT NULL,
    secret_number integer NOT NULL DEFAULT 1,  -- secrets follow from a key and this number: none is kept
    former_secret_expire_time timestamptz,     -- until then the one before signs as well
    failing_since_time timestamptz,
    pause_time timestamptz,
    version integer NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_project ON webhooks (project_id, id);

-- One an event and webhook. attempt fences a sender that lost its lease and does not know.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    event bytea NOT NULL,                  -- the Event, with its cursor
    state smallint NOT NULL DEFAULT 1,     -- Delivery.State
    attempt integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,      -- of the schedule
    attempts integer NOT NULL DEFAULT 0,   -- in all
    next_time timestamptz NOT NULL DEFAULT now(),  -- when it may be tried, or when its lease runs out
    last_attempt_time timestamptz,
    last_status smallint NOT NULL DEFAULT 0,
    last_answer text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, next_time) WHERE state = 1;
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (webhook_id, id DESC);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (end_time) WHERE state <> 1;
