-- adopt_leases
-- A worker that came back on another stream goes on with what it has. Locked in the order of ids, as everywhere.
WITH held AS MATERIALIZED (
    SELECT jobs.task_id, lease_id FROM jobs JOIN queues ON queues.id = queue_id
    WHERE lease_id = ANY($1::uuid[]) AND lease_expire_time > now() AND project_id = $2
    ORDER BY jobs.task_id FOR NO KEY UPDATE OF jobs
)
UPDATE jobs SET lease_expire_time = now() + make_interval(secs => $3) FROM held
WHERE jobs.task_id = held.task_id AND jobs.lease_id = held.lease_id
RETURNING jobs.lease_id, jobs.task_id
