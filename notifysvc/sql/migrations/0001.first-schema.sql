-- Everything that notifysvc owns. Runs with search_path set to its own schema.

-- The events that have had their effect: a redelivered one has none. Kept for longer than the stream keeps events.
CREATE TABLE seen (
    event_id uuid PRIMARY KEY,
    time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX seen_age ON seen (time);

-- Who left which project, or came back, and at which place in the stream: what happens there later is not theirs to know.
CREATE TABLE departures (
    project_id uuid NOT NULL,
    user_id uuid NOT NULL,
    gone boolean NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (project_id, user_id)
);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    event_id uuid NOT NULL,
    reason smallint NOT NULL,             -- Notification.Reason
    state smallint NOT NULL DEFAULT 1,    -- Notification.State
    create_time timestamptz NOT NULL DEFAULT now(),
    event bytea NOT NULL,                 -- the Event, with its cursor
    UNIQUE (event_id, user_id)
);
CREATE INDEX notifications_inbox ON notifications (user_id, id DESC) WHERE state <> 3;
CREATE INDEX notifications_archive ON notifications (user_id, id DESC) WHERE state = 3;
CREATE INDEX notifications_unread ON notifications (user_id) WHERE state = 1;

-- One e-mail a notification. attempt fences a mailer that lost its lease and does not know.
CREATE TABLE mails (
    id uuid PRIMARY KEY REFERENCES notifications,
    state smallint NOT NULL DEFAULT 1,    -- 1 waiting, 2 sent, 3 dead
    attempt integer NOT NULL DEFAULT 0,
    next_time timestamptz NOT NULL DEFAULT now(),  -- when it may be tried, or when its lease runs out
    last_error text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz
);
CREATE INDEX mails_waiting ON mails (next_time) WHERE state = 1;
CREATE INDEX mails_ended ON mails (end_time) WHERE state <> 1;
