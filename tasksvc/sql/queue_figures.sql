-- count_jobs
-- Each part by the partial index that holds just it: queues may have a million tasks, most of them alike.
SELECT
    queue.id AS queue_id,
    due.tasks AS waiting,
    scheduled.tasks AS scheduled,
    blocked.tasks + parked.tasks AS blocked,
    running.tasks AS running,
    coalesce(extract(epoch FROM now() - due.oldest), 0)::double precision AS oldest_waiting_age,
    coalesce(ends.completed, 0)::bigint AS completed,
    coalesce(ends.failed, 0)::bigint AS failed,
    coalesce(ends.cancelled, 0)::bigint AS cancelled,
    coalesce(ends.recent, 0)::bigint AS recent
FROM unnest($1::bigint[]) AS queue (id)
CROSS JOIN LATERAL (
    SELECT sum(tasks)::bigint AS tasks, min(oldest) AS oldest FROM generate_series(1, 4) AS each (priority)
    CROSS JOIN LATERAL (
        SELECT count(*) AS tasks, min(ready_time) AS oldest FROM jobs
        WHERE queue_id = queue.id AND jobs.priority = each.priority AND state = 1 AND blockers = 0 AND ready_time <= now()
    ) AS job
) AS due
CROSS JOIN LATERAL (
    SELECT sum(tasks)::bigint AS tasks FROM generate_series(1, 4) AS each (priority)
    CROSS JOIN LATERAL (
        SELECT count(*) AS tasks FROM jobs
        WHERE queue_id = queue.id AND jobs.priority = each.priority AND state = 1 AND blockers = 0 AND ready_time > now()
    ) AS job
) AS scheduled
CROSS JOIN LATERAL (SELECT count(*) AS tasks FROM jobs WHERE queue_id = queue.id AND state = 1 AND blockers > 0) AS blocked
CROSS JOIN LATERAL (SELECT count(*) AS tasks FROM jobs WHERE queue_id = queue.id AND state = 2) AS parked
CROSS JOIN LATERAL (SELECT count(*) AS tasks FROM jobs WHERE queue_id = queue.id AND state = 3) AS running
CROSS JOIN LATERAL (
    SELECT
        sum(completed) AS completed, sum(failed) AS failed, sum(cancelled) AS cancelled,
        sum(completed + failed + cancelled) FILTER (WHERE time > now() - make_interval(secs => $2)) AS recent
    FROM job_ends WHERE queue_id = queue.id
) AS ends

-- fold_ends
-- Adds up what was counted: rows older than some seconds by tens of seconds, those older than all that is asked about into one
-- a queue, which has the time 0. In one statement, so that nobody reads a sum that lacks some. One replica at a time.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended('fold_ends', 0)) AS mine
), line AS MATERIALIZED (
    SELECT to_timestamp(0) AS beginning, now() - make_interval(secs => $1) AS old, now() - interval '5 seconds' AS settled
), ageing AS (
    SELECT DISTINCT queue_id FROM job_ends, line, turn WHERE mine AND time < old AND time > beginning
), taken AS (
    DELETE FROM job_ends USING line, turn
    WHERE mine AND CASE
        WHEN time < old THEN queue_id IN (SELECT queue_id FROM ageing)
        ELSE time < settled AND time <> date_bin('10 seconds', time, beginning)
    END
    RETURNING queue_id, completed, failed, cancelled,
        CASE WHEN time < old THEN beginning ELSE date_bin('10 seconds', time, beginning) END AS time
)
INSERT INTO job_ends (queue_id, time, completed, failed, cancelled)
SELECT queue_id, time, sum(completed), sum(failed), sum(cancelled) FROM taken GROUP BY queue_id, time

-- list_workers
-- Those who were here lately, and those who have tasks.
SELECT
    coalesce(seen.name, busy.name) AS name, coalesce(busy.leases, 0) AS leases, seen.seen_time
FROM (
    SELECT name, seen_time FROM queue_workers
    WHERE project_id = $1 AND queue = $2 AND seen_time > now() - make_interval(secs => $4)
) AS seen
FULL JOIN (
    SELECT worker AS name, count(*)::integer AS leases FROM jobs
    WHERE queue_id = $3 AND state = 3 AND lease_id IS NOT NULL GROUP BY worker
) AS busy USING (name)
ORDER BY 1 LIMIT $5

-- note_workers
INSERT INTO queue_workers (project_id, queue, name, seen_time)
SELECT project_id, queue, name, now() - make_interval(secs => age)
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::double precision[]) AS seen (project_id, queue, name, age)
ORDER BY project_id, queue, name
ON CONFLICT (project_id, queue, name)
DO UPDATE SET seen_time = greatest(queue_workers.seen_time, excluded.seen_time)

-- forget_workers
DELETE FROM queue_workers WHERE seen_time < now() - make_interval(secs => $1)
