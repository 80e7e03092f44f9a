-- adopt_leases
-- A worker that came back on another stream goes on with what it has, unless its stream before has ended meanwhile, and gives
-- that back. Locked in the order of ids, as everywhere.
WITH held AS MATERIALIZED (
    SELECT jobs.task_id, lease_id FROM jobs JOIN queues ON queues.id = queue_id
    WHERE lease_id = ANY($1::uuid[]) AND lease_expire_time > now() AND project_id = $2
    ORDER BY jobs.task_id FOR NO KEY UPDATE OF jobs
), moved AS (
    INSERT INTO lease_moves AS move (lease_id, stream_id) SELECT lease_id, $4 FROM held
    ON CONFLICT (lease_id) DO UPDATE SET stream_id = excluded.stream_id, time = now() WHERE NOT move.ended
    RETURNING lease_id
)
UPDATE jobs SET lease_expire_time = now() + make_interval(secs => $3) FROM held JOIN moved USING (lease_id)
WHERE jobs.task_id = held.task_id AND jobs.lease_id = held.lease_id
RETURNING jobs.lease_id, jobs.task_id

-- end_stream
-- What the stream gives back: who writes the lease's row first decides whether it moves or ends.
INSERT INTO lease_moves AS move (lease_id, stream_id, ended)
SELECT lease_id, $2, true FROM unnest($1::uuid[]) AS given (lease_id) ORDER BY lease_id
ON CONFLICT (lease_id) DO UPDATE SET ended = true, time = now() WHERE move.stream_id = $2
RETURNING lease_id

-- forget_moves
DELETE FROM lease_moves WHERE time < now() - make_interval(secs => $1)
