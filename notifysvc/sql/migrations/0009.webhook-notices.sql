-- What tasksvc has to be asked about a webhook's project: who owns it, and whether it is still there.
-- depends: 0008.webhooks

ALTER TABLE webhooks
    ADD COLUMN notice smallint NOT NULL DEFAULT 0,   -- what its owners are to be told: 1 it was paused, 2 its receiver is gone
    ADD COLUMN asks integer NOT NULL DEFAULT 0,      -- how often there was something to ask
    ADD COLUMN asked integer NOT NULL DEFAULT 0;     -- up to which of these it was answered
CREATE INDEX webhooks_to_ask ON webhooks (id) WHERE asks > asked;
