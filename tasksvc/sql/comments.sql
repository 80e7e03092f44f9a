-- task_home
-- Where a task is, deleted or not.
SELECT project_id, delete_time IS NOT NULL AS deleted FROM tasks WHERE id = $1

-- hold_home
-- The same; nobody changes the task or its comments until the transaction ends. So a task's events get their places in the
-- order in which they happened, and what is decided on a comment is true when it is stored.
SELECT project_id, delete_time IS NOT NULL AS deleted FROM tasks WHERE id = $1 FOR NO KEY UPDATE

-- get_comment
SELECT comments.*, project_id FROM comments JOIN tasks ON tasks.id = task_id
WHERE comments.id = $2 AND task_id = $1 AND delete_time IS NULL

-- list_comments
-- A page, cut where it would become larger than clients take; `found` is how long it would have been.
SELECT * FROM (
    SELECT comment.*, sum(size) OVER (ORDER BY number {direction}) - size AS before, count(*) OVER () AS found
    FROM (
        SELECT comments.*, project_id, octet_length(text) AS size FROM comments JOIN tasks ON tasks.id = task_id
        WHERE task_id = $1 AND ($2::bigint IS NULL OR number {beyond} $2)
        ORDER BY number {direction} LIMIT $3
    ) AS comment
) AS comment
WHERE before < $4 ORDER BY number {direction}

-- create_comment
-- $5 to $9: the event's id, partition, actor and trace, and whom the text names. Those who commented before are found member by
-- member: there are fewer of them than of comments.
WITH task AS MATERIALIZED (
    SELECT * FROM task_states WHERE id = $2
), comment AS (
    INSERT INTO comments (id, task_id, author_id, text) VALUES ($1, $2, $3, $4) RETURNING *
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, changed_fields, task, comment, mentioned_ids,
        commenter_ids, traceparent
    )
    SELECT
        $5, $6, 'comment.created', comment.create_time, $7, project_id, $2, '{text}', ROW(task.*)::task_states, to_jsonb(comment), $9,
        ARRAY(
            SELECT user_id FROM members
            WHERE members.project_id = task.project_id AND user_id <> $3 AND EXISTS (
                SELECT FROM comments AS before WHERE before.task_id = $2 AND before.author_id = user_id
            )
            ORDER BY user_id LIMIT 500
        ),
        $8
    FROM comment, task
)
SELECT comment.*, project_id FROM comment, task

-- update_comment
-- $3 to $7: as in create_comment.
WITH task AS MATERIALIZED (
    SELECT * FROM task_states WHERE id = (SELECT task_id FROM comments WHERE id = $1)
), comment AS (
    UPDATE comments SET text = $2, version = version + 1, update_time = now() WHERE id = $1 RETURNING *
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, changed_fields, task, comment, mentioned_ids, traceparent
    )
    SELECT $3, $4, 'comment.updated', comment.update_time, $5, project_id, task_id, '{text}', ROW(task.*)::task_states, to_jsonb(comment), $7, $6
    FROM comment, task
)
SELECT comment.*, project_id FROM comment, task

-- delete_comment
-- What was said is not told again. $2 to $5: as in create_comment.
WITH task AS MATERIALIZED (
    SELECT * FROM task_states WHERE id = (SELECT task_id FROM comments WHERE id = $1)
), comment AS (
    DELETE FROM comments WHERE id = $1 RETURNING *
)
INSERT INTO events (event_id, partition, type, actor_id, project_id, task_id, task, comment, traceparent)
SELECT $2, $3, 'comment.deleted', $4, project_id, task_id, ROW(task.*)::task_states, to_jsonb(comment) || '{"text": ""}', $5
FROM comment, task
