-- When somebody left a project or came back. The places in the stream begin anew when it is lost.
-- depends: 0006.preferences

ALTER TABLE departures ADD COLUMN time timestamptz NOT NULL DEFAULT '-infinity';
