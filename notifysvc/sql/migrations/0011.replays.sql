-- The first answers to requests that named a request_id, kept for a day.
-- depends: 0010.webhooks-of-deleted-projects

CREATE TABLE replays (
    caller text NOT NULL,
    request_id text NOT NULL,
    fingerprint bytea NOT NULL,           -- of the method and the request
    response bytea,                       -- names a webhook's secret, and doesn't hold it
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, request_id)
);
CREATE INDEX replays_age ON replays (create_time);
