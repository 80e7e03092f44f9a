-- An event is looked for by the time in its id. Kept a line for each megabyte, so that no insert pays for it.
CREATE INDEX events_time ON events USING brin (time) WITH (autosummarize = on);
