-- E-mails to users about their accounts.
-- depends: 0004.streams

-- One an event; its columns are those of `mails`. The token of a link is asked for when the mail is sent, and kept nowhere.
CREATE TABLE account_mails (
    id uuid PRIMARY KEY,                  -- the event's
    event bytea NOT NULL,
    state smallint NOT NULL DEFAULT 1,
    attempt integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    since timestamptz NOT NULL DEFAULT now(),
    next_time timestamptz NOT NULL DEFAULT now(),
    leased boolean NOT NULL DEFAULT false,
    doubts integer NOT NULL DEFAULT 0,
    reply text NOT NULL DEFAULT '',
    last_error text NOT NULL DEFAULT '',
    hold smallint NOT NULL DEFAULT 0,
    slot_time timestamptz,
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz
);
CREATE INDEX account_mails_waiting ON account_mails (next_time) WHERE state = 1;
CREATE INDEX account_mails_ended ON account_mails (end_time) WHERE state <> 1;
