-- depends: 0007.previous

-- How often the stream had lost an event, after which it was published again: at another place than in the order of versions.
ALTER TABLE events ADD COLUMN losses smallint NOT NULL DEFAULT 0;
