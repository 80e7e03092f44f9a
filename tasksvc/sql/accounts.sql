-- register_user
-- The user, its personal project and its membership there: nobody can see one without the others. If that is
-- wanted, a link to confirm the address as well, without a token yet, and the event that has it mailed.
WITH account AS (
    INSERT INTO users (id, username, email, password_hash, personal_project_id) VALUES ($1, $2, $3, $4, $5) RETURNING *
), project AS (
    INSERT INTO projects (id, title, personal) VALUES ($5, $6, true)
), member AS (
    INSERT INTO members (project_id, user_id, role) VALUES ($5, $1, 3)
), link AS (
    INSERT INTO links (user_id, purpose, id, expire_time)
    SELECT id, $7, uuidv7(), now() + make_interval(secs => $8) FROM account WHERE $12 RETURNING id, user_id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT id, $9, $10, user_id, user_id, jsonb_build_object('id', user_id, 'user_id', user_id), $11 FROM link
)
SELECT * FROM account

-- get_user
SELECT * FROM users WHERE id = $1

-- get_user_seen_by
SELECT * FROM users AS other
WHERE id = $1 AND EXISTS (
    SELECT FROM members AS theirs
    JOIN members AS mine USING (project_id)
    JOIN projects ON projects.id = theirs.project_id AND delete_time IS NULL
    WHERE theirs.user_id = other.id AND mine.user_id = $2
)

-- batch_get_users
SELECT * FROM users WHERE id = ANY($1::uuid[])

-- find_login
-- A username holds no @, so the two can't be mixed up.
SELECT * FROM users WHERE username = $1 OR lower(email) = $1

-- replace_password_hash
-- Only the hash that was checked: a new password in between stays.
UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2

-- create_token
WITH token AS (
    INSERT INTO tokens (id, user_id, name, hash, scopes, expire_time) VALUES ($1, $2, $3, $4, $5, $6) RETURNING *
), bumped AS (
    UPDATE users SET access_version = access_version + 1 WHERE id = $2
)
SELECT * FROM token

-- count_tokens
-- Those that list_access tells of.
SELECT count(*) FROM tokens
WHERE user_id = $1 AND revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now() - interval '30 days')

-- list_tokens
SELECT * FROM tokens AS token
WHERE user_id = $1 AND revoke_time IS NULL AND ({where}) ORDER BY {order} LIMIT {limit}

-- revoke_token
WITH token AS (
    UPDATE tokens SET revoke_time = now() WHERE id = $1 AND user_id = $2 AND revoke_time IS NULL RETURNING *
), bumped AS (
    UPDATE users SET access_version = access_version + 1 FROM token WHERE users.id = token.user_id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT $3, $4, 'token.revoked', $5, id, jsonb_build_object('id', id, 'user_id', user_id), $6 FROM token
)
SELECT id FROM token

-- list_access
-- What users may do, in one snapshot: whatever changes it grows access_version in the same transaction.
SELECT
    id,
    access_version,
    coalesce((
        SELECT jsonb_object_agg(project_id, role)
        FROM members JOIN projects ON projects.id = project_id AND delete_time IS NULL
        WHERE user_id = users.id
    ), '{}') AS roles,
    ARRAY(
        SELECT sessions.id FROM sessions
        WHERE user_id = users.id AND end_time > now() - make_interval(secs => $2)
    ) AS ended_sessions,
    coalesce((
        SELECT jsonb_object_agg(
            tokens.id, jsonb_build_array(encode(hash, 'hex'), scopes, extract(epoch FROM expire_time))
        )
        FROM tokens
        WHERE user_id = users.id AND revoke_time IS NULL
            AND (expire_time IS NULL OR expire_time > now() - interval '30 days')  -- told of for a while, then forgotten
    ), '{}') AS grants
FROM users WHERE id = ANY($1::uuid[])

-- lock_signing_keys
LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE

-- list_signing_keys
SELECT private_pem FROM signing_keys ORDER BY create_time DESC

-- keep_signing_key
INSERT INTO signing_keys (kid, private_pem) VALUES ($1, $2)
