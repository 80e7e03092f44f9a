-- depends: 0006.account-links

-- A new password ends a user's sessions, among everybody's.
CREATE INDEX sessions_open ON sessions (user_id) WHERE end_time IS NULL;
