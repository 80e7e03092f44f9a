-- claim_request
-- Waits for a twin that is at work. An expired record is nobody's, and taken over.
INSERT INTO replays (caller, request_id, fingerprint) VALUES ($1, $2, $3)
ON CONFLICT (caller, request_id) DO UPDATE
    SET fingerprint = excluded.fingerprint, response = NULL, create_time = now()
    WHERE replays.create_time <= now() - make_interval(secs => $4)
RETURNING true

-- find_replay
SELECT fingerprint, response FROM replays WHERE caller = $1 AND request_id = $2

-- keep_response
UPDATE replays SET response = $3 WHERE caller = $1 AND request_id = $2

-- forget_replays
DELETE FROM replays WHERE create_time <= now() - make_interval(secs => $1)
