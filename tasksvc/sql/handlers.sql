-- list_queues_to_handle
-- Queues of these names, of whatever project, in which a task may start now: first those after $2, then the rest, so that
-- whoever goes on from the last one comes by all of them in turn. The priorities are named for the index on waiting jobs: it
-- is asked for the first one of each, however many have a time that is still to come.
-- $1: the names; $2: the id of the queue that was last; $3: how many at most.
WITH due AS NOT MATERIALIZED (
    SELECT id, project_id, name FROM queues
    WHERE
        name = ANY($1::text[]) AND pause_time IS NULL
        AND EXISTS (
            SELECT FROM jobs
            WHERE queue_id = queues.id AND priority = ANY('{1,2,3,4}') AND state = 1 AND blockers = 0 AND ready_time <= now()
        )
)
(SELECT id, project_id, name FROM due WHERE id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, project_id, name FROM due WHERE id <= $2 ORDER BY id LIMIT $3)
LIMIT $3
