-- What people want to be told. Nobody needs a row; a NULL is the default.
CREATE TABLE preferences (
    user_id uuid PRIMARY KEY,
    time_zone text,
    language text,
    quiet_start time,
    quiet_end time,
    digest smallint,                       -- Preferences.Digest
    digest_hour smallint,
    rules jsonb NOT NULL DEFAULT '{}',     -- {"ASSIGNED": {"inbox": true, "email": "OFF"}}
    version integer NOT NULL DEFAULT 0,
    request_id text NOT NULL DEFAULT '',   -- of the last change
    update_time timestamptz
);

-- More states of mails: 4 waits for a digest or, with `digest`, is told by it; 5 is not sent; 6 is a digest that waits, and
-- carries the others of its `digest`. State 4 of notifications: not shown in the inbox.
ALTER TABLE mails ADD COLUMN digest uuid REFERENCES mails ON DELETE CASCADE;
CREATE INDEX mails_digest ON mails (digest) WHERE digest IS NOT NULL;
CREATE INDEX mails_gathered ON mails (next_time) WHERE state = 4 AND digest IS NULL;
-- mails_waiting stays for the release before, which looks for state 1 alone.
CREATE INDEX mails_due ON mails (next_time) WHERE state IN (1, 6);
