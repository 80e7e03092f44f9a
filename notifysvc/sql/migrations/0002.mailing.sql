-- What the mailer notes of each mail, so that anybody can be told what became of it.
ALTER TABLE mails
    ADD COLUMN since timestamptz NOT NULL DEFAULT now(),   -- when it was first to be sent: it is tried for so long
    ADD COLUMN tries integer NOT NULL DEFAULT 0,           -- how often the server was asked to take it
    ADD COLUMN leased boolean NOT NULL DEFAULT false,      -- a mailer is at it, or died at it
    ADD COLUMN doubts integer NOT NULL DEFAULT 0,          -- how often it was perhaps sent, though nobody knows
    ADD COLUMN reply text NOT NULL DEFAULT '',             -- what the server said when it took it
    ADD COLUMN hold smallint NOT NULL DEFAULT 0,           -- why it waits though nothing went wrong: Delivery.Hold
    ADD COLUMN slot_time timestamptz;                      -- its turn at the recipient's domain

-- When a recipient's domain may be given the next mail.
CREATE TABLE mail_slots (
    domain text PRIMARY KEY,
    next_time timestamptz NOT NULL
);
