-- list_queues_to_handle
-- Queues of these names, of whatever project, in which a task may start now, from one on. Goes through the index on waiting
-- jobs from queue to queue: those in which nothing waits cost nothing, however many there are. The priorities are named for
-- the same index: it is asked for the first job of each, however many have a time that is still to come.
-- $1: the names; $2: the queue that was last; $3: how many at most.
WITH RECURSIVE place AS (
    (SELECT queue_id FROM jobs WHERE state = 1 AND blockers = 0 AND queue_id > $2 ORDER BY queue_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT queue_id FROM jobs
        WHERE state = 1 AND blockers = 0 AND queue_id > place.queue_id ORDER BY queue_id LIMIT 1
    )
    FROM place WHERE place.queue_id IS NOT NULL
)
SELECT queue.id, queue.project_id, queue.name
FROM place
CROSS JOIN LATERAL (
    SELECT id, project_id, name FROM queues
    WHERE id = place.queue_id AND name = ANY($1::text[]) AND pause_time IS NULL
    OFFSET 0
) AS queue
WHERE EXISTS (
    SELECT FROM jobs
    WHERE queue_id = queue.id AND priority = ANY('{1,2,3,4}') AND state = 1 AND blockers = 0 AND ready_time <= now()
    OFFSET 0
)
LIMIT $3
