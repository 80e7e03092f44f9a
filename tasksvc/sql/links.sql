-- request_link
-- The link, without a token yet, and the event that has it mailed. None while the last one is still young. In the events of
-- accounts an `id` stands for those who publish and don't know them yet: they are of the release before.
WITH link AS (
    INSERT INTO links (user_id, purpose, id, expire_time)
    VALUES ($1, $2, uuidv7(), now() + make_interval(secs => $3))
    ON CONFLICT (user_id, purpose) DO UPDATE
    SET id = excluded.id, hash = NULL, create_time = excluded.create_time, expire_time = excluded.expire_time
    WHERE links.create_time < now() - make_interval(secs => $4)
    RETURNING id, user_id
), event AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT id, $5, $6, $7, user_id, jsonb_build_object('id', user_id, 'user_id', user_id), $8 FROM link
)
SELECT id FROM link

-- issue_link
-- Nothing comes of a link that was used or replaced: a mail that is sent once more doesn't bring it back.
UPDATE links SET hash = $2 WHERE id = $1 AND expire_time > now() RETURNING expire_time

-- find_link
SELECT user_id FROM links WHERE hash = $1 AND purpose = $2 AND expire_time > now()

-- confirm_email
WITH link AS (
    DELETE FROM links WHERE hash = $1 AND purpose = $2 AND expire_time > now() RETURNING user_id
)
UPDATE users SET email_confirm_time = now(), version = version + 1 FROM link WHERE users.id = link.user_id
RETURNING users.id

-- reset_password
-- Who could read the mail has the address, which is confirmed by that, too.
WITH link AS (
    DELETE FROM links WHERE hash = $1 AND purpose = $2 AND expire_time > now() RETURNING user_id
)
UPDATE users
SET
    password_hash = $3, email_confirm_time = coalesce(email_confirm_time, now()),
    version = version + 1, access_version = access_version + 1
FROM link WHERE users.id = link.user_id
RETURNING users.id

-- end_sessions_after_reset
-- A statement of its own, after the one that locks the user: whoever signs in meanwhile has been seen, or has to wait and
-- finds another password.
WITH ended AS (
    UPDATE sessions SET end_time = now() WHERE user_id = $1 AND end_time IS NULL AND expire_time > now() RETURNING id
), told AS (
    INSERT INTO events (event_id, partition, type, actor_id, subject_id, body, traceparent)
    SELECT
        uuidv7(), $2::smallint, type, $1::uuid, subject_id, jsonb_build_object('id', subject_id, 'user_id', $1::uuid), $3
    FROM (
        SELECT 'session.ended' AS type, id AS subject_id FROM ended
        UNION ALL
        SELECT 'account.password_changed', $1::uuid
    ) AS happened
)
SELECT count(*) FROM ended
