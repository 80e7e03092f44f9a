-- lock_circles
-- Makes changes of what waits for what go one after the other: together they could close a circle.
SELECT pg_advisory_xact_lock(hashtextextended('task_blockers', 0))

-- find_unseen
-- Those of these tasks that are not there, or that the user doesn't see; all are seen if it is nobody.
SELECT given.id::text FROM unnest($1::uuid[]) AS given (id)
LEFT JOIN tasks ON tasks.id = given.id AND tasks.delete_time IS NULL
WHERE tasks.id IS NULL OR ($2::uuid IS NOT NULL AND NOT EXISTS (
    SELECT FROM members JOIN projects ON projects.id = members.project_id
    WHERE members.project_id = tasks.project_id AND members.user_id = $2 AND projects.delete_time IS NULL
))

-- set_blockers
-- What these tasks ($1) wait for is now this: pairs of a task and its blocker. Their rows and those of all the blockers, also the
-- former ones, were locked before in the transaction, so nothing becomes open or completed meanwhile.
WITH wanted AS MATERIALIZED (
    SELECT task_id, tasks.id AS blocker_id, status <> 3 AND delete_time IS NULL AS open
    FROM unnest($2::uuid[], $3::uuid[]) AS pair (task_id, blocker_id) JOIN tasks ON tasks.id = pair.blocker_id
), marked AS (
    UPDATE tasks SET blocks = true WHERE id IN (SELECT blocker_id FROM wanted) AND NOT blocks
), gone AS (
    DELETE FROM task_blockers
    WHERE task_id = ANY($1::uuid[]) AND NOT EXISTS (
        SELECT FROM wanted
        WHERE wanted.task_id = task_blockers.task_id AND wanted.blocker_id = task_blockers.blocker_id
    )
    RETURNING task_id, open
), come AS (
    INSERT INTO task_blockers (task_id, blocker_id, open) SELECT task_id, blocker_id, open FROM wanted
    ON CONFLICT DO NOTHING
    RETURNING task_id, open
), change AS (
    SELECT task_id, sum(blockers) AS blockers FROM (
        SELECT task_id, -1 AS blockers FROM gone WHERE open UNION ALL SELECT task_id, 1 FROM come WHERE open
    ) AS each
    GROUP BY 1
), held AS MATERIALIZED (
    SELECT task_id FROM jobs WHERE task_id IN (SELECT task_id FROM change) ORDER BY task_id FOR NO KEY UPDATE
)
UPDATE jobs SET blockers = jobs.blockers + change.blockers
FROM held JOIN change USING (task_id) WHERE jobs.task_id = held.task_id

-- find_circles
-- Those of these tasks that, by way of others, wait for themselves.
WITH RECURSIVE ahead AS (
    SELECT task_id, blocker_id FROM task_blockers WHERE task_id = ANY($1::uuid[])
    UNION
    SELECT ahead.task_id, task_blockers.blocker_id FROM ahead JOIN task_blockers ON task_blockers.task_id = ahead.blocker_id
)
SELECT DISTINCT task_id::text FROM ahead WHERE blocker_id = task_id

-- find_open_blockers
SELECT task_id::text, blocker_id::text FROM task_blockers WHERE task_id = ANY($1::uuid[]) AND open ORDER BY task_id, blocker_id

-- follow_blockers
-- These tasks were locked, and then completed, reopened, deleted or restored, in the same transaction: what waits for them waits
-- no longer, or again. Several may let go of one job at once, so each only counts down what it had open itself.
WITH turned AS (
    UPDATE task_blockers SET open = NOT open FROM tasks
    WHERE
        tasks.id = ANY($1::uuid[]) AND blocker_id = tasks.id
        AND open <> (status <> 3 AND delete_time IS NULL)
    RETURNING task_id, open
), change AS (
    SELECT task_id, sum(CASE WHEN open THEN 1 ELSE -1 END) AS blockers FROM turned GROUP BY 1
), held AS MATERIALIZED (
    SELECT task_id FROM jobs WHERE task_id IN (SELECT task_id FROM change) ORDER BY task_id FOR NO KEY UPDATE
), changed AS (
    UPDATE jobs SET blockers = jobs.blockers + change.blockers
    FROM held JOIN change USING (task_id) WHERE jobs.task_id = held.task_id
    RETURNING jobs.queue_id, jobs.blockers
)
SELECT project_id, name, true AS returned, true AS woken FROM queues
WHERE id IN (SELECT queue_id FROM changed WHERE blockers = 0)
