-- start_session
-- Unless the password is another one meanwhile. The first client of a user is no news, nor one that was seen before.
WITH account AS (
    SELECT id FROM users WHERE id = $2 AND password_hash = $5 FOR SHARE
), session AS (
    INSERT INTO sessions (id, user_id, expire_time) SELECT $1, id, now() + make_interval(secs => $4) FROM account RETURNING id
), token AS (
    INSERT INTO refresh_tokens (hash, session_id) SELECT $3, id FROM session
), client AS (
    INSERT INTO clients (user_id, hash) SELECT id, $6 FROM account ON CONFLICT DO NOTHING RETURNING user_id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT
        uuidv7(), $7, 'account.signed_in', user_id, user_id,
        jsonb_build_object('id', user_id, 'user_id', user_id, 'client', $8::jsonb), $9
    FROM client WHERE EXISTS (SELECT FROM clients AS known WHERE known.user_id = client.user_id)
)
SELECT id FROM session

-- use_refresh_token
-- Of two that come with the same token, one waits for the other's row and then finds it used.
WITH used AS (
    UPDATE refresh_tokens AS token SET use_time = now()
    FROM sessions AS session
    WHERE token.hash = $1 AND token.use_time IS NULL
        AND session.id = token.session_id AND session.end_time IS NULL AND session.expire_time > now()
    RETURNING token.session_id
), issued AS (
    INSERT INTO refresh_tokens (hash, session_id) SELECT $2, session_id FROM used
), session AS (
    UPDATE sessions SET expire_time = now() + make_interval(secs => $3)
    FROM used WHERE sessions.id = used.session_id
    RETURNING sessions.id, sessions.user_id
)
SELECT session.id AS session_id, users.* FROM session JOIN users ON users.id = session.user_id

-- find_refresh_token
SELECT token.use_time, session.id AS session_id, session.user_id
FROM refresh_tokens AS token JOIN sessions AS session ON session.id = token.session_id
WHERE token.hash = $1

-- end_session
WITH session AS (
    UPDATE sessions SET end_time = now() WHERE id = $1 AND end_time IS NULL RETURNING id, user_id
), bumped AS (
    UPDATE users SET access_version = access_version + 1 FROM session WHERE users.id = session.user_id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT $2, $3, 'session.ended', $4, id, jsonb_build_object('id', id, 'user_id', user_id), $5 FROM session
)
SELECT id FROM session

-- forget_sessions
DELETE FROM sessions WHERE expire_time < now() - interval '1 day'

-- forget_refresh_tokens
-- Those so old that their reuse tells nothing any more.
DELETE FROM refresh_tokens WHERE create_time < now() - make_interval(secs => $1) - interval '1 day'
