-- create_tasks
-- Tasks and their first events in one statement: half a create can't be seen, and a round trip is saved.
-- $1: {{task, event_id, partition, type, fields, mentioned}}, or an array of them; $2: the actor; $3: the trace context.
WITH change AS MATERIALIZED (
    SELECT item, (item -> 'task' ->> 'id')::uuid AS id FROM {items} AS given (item)
), changed AS (
    INSERT INTO task_states
    SELECT new.* FROM change, jsonb_populate_record(NULL::task_states, item -> 'task') AS new
    RETURNING *
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, mentioned_ids,
        traceparent
    )
    SELECT
        (item ->> 'event_id')::uuid, (item ->> 'partition')::smallint, item ->> 'type', changed.update_time, $2,
        changed.project_id, id, changed.version,
        ARRAY(SELECT jsonb_array_elements_text(item -> 'fields')), ROW(changed.*)::task_states,
        CASE WHEN item ? 'mentioned' THEN ARRAY(SELECT jsonb_array_elements_text(item -> 'mentioned'))::uuid[] END, $3
    FROM changed JOIN change USING (id)
)
SELECT * FROM changed

-- change_tasks
-- The next versions and their events. A task of which another version came in between is left alone, and not returned; so is,
-- if $4, one that others wait for. Assigning a text means indexing its words again, so the texts are left out where none
-- changes.
WITH change AS MATERIALIZED (
    SELECT item, (item -> 'task' ->> 'id')::uuid AS id FROM {items} AS given (item)
), changed AS (
    UPDATE tasks AS task
    SET {texts}
        project_id = new.project_id, status = new.status, priority = new.priority, labels = new.labels,
        assignee_id = new.assignee_id, due_time = new.due_time, schedule_time = new.schedule_time,
        start_time = new.start_time, end_time = new.end_time, update_time = new.update_time,
        delete_time = new.delete_time, parent_id = new.parent_id, version = new.version, result = new.result,
        progress_percent = new.progress_percent, progress_message = new.progress_message, attempt = new.attempt,
        last_error = new.last_error, lease_expire_time = new.lease_expire_time, worker = new.worker,
        blocked_by = new.blocked_by, recurrence = new.recurrence, recurrence_mode = new.recurrence_mode,
        recurrence_time_zone = new.recurrence_time_zone, series_id = new.series_id
    FROM change, jsonb_populate_record(NULL::task_states, item -> 'task') AS new
    WHERE task.id = change.id AND task.version = new.version - 1 AND NOT (task.blocks AND $4::boolean)
    RETURNING {columns}, {previous} AS previous
), event AS (
    INSERT INTO events (
        event_id, partition, type, time, actor_id, project_id, task_id, version, changed_fields, task, previous,
        mentioned_ids, traceparent
    )
    SELECT
        (item ->> 'event_id')::uuid, (item ->> 'partition')::smallint, item ->> 'type', changed.update_time, $2,
        changed.project_id, id, changed.version,
        ARRAY(SELECT jsonb_array_elements_text(item -> 'fields')), ROW({changed})::task_states, previous,
        CASE WHEN item ? 'mentioned' THEN ARRAY(SELECT jsonb_array_elements_text(item -> 'mentioned'))::uuid[] END, $3
    FROM changed JOIN change USING (id)
)
SELECT {changed} FROM changed

-- tell_departures
-- Tasks that go to another project are told of in the one that they leave, as they were there: what becomes of them elsewhere, its
-- members may not see. Such an event is none of a task's versions. $2: the actor; $3: the trace context.
INSERT INTO events (
    event_id, partition, type, actor_id, project_id, task_id, subject_id, changed_fields, task, traceparent
)
SELECT
    (item ->> 'event_id')::uuid, (item ->> 'partition')::smallint, 'task.left', $2, left_task.project_id, left_task.id,
    (item ->> 'destination_id')::uuid, '{project_id}', ROW(left_task.*)::task_states, $3
FROM jsonb_array_elements($1) AS given (item), jsonb_populate_record(NULL::task_states, item -> 'task') AS left_task

-- get_task
SELECT * FROM task_states WHERE id = $1

-- get_tasks
SELECT * FROM task_states WHERE id = ANY($1::uuid[])

-- lock_tasks
-- In the order of ids, so that two batches can't wait for each other. Not FOR UPDATE: subtasks may be made meanwhile.
SELECT * FROM task_states WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE

-- lock_trees
-- Makes changes of who is whose parent wait for each other, project by project: together they could close a circle.
SELECT pg_advisory_xact_lock(hashtextextended(project, 0))
FROM unnest($1::text[]) AS project ORDER BY project

-- hold_parents
-- Those of these tasks that are there; they stay in their projects until the transaction ends.
SELECT id, project_id FROM task_states WHERE id = ANY($1::uuid[]) AND delete_time IS NULL ORDER BY id FOR SHARE

-- misplaced_tasks
-- Why tasks that were just put somewhere else can't stay there.
WITH RECURSIVE ancestor AS (
    SELECT id AS task_id, parent_id FROM task_states WHERE id = ANY($1::uuid[]) AND parent_id IS NOT NULL
    UNION
    SELECT task_id, task_states.parent_id FROM ancestor JOIN task_states ON task_states.id = ancestor.parent_id
    WHERE task_states.parent_id IS NOT NULL
)
SELECT
    task.id,
    task.parent_id IS NOT NULL AND parent.id IS NULL AS parent_elsewhere,
    EXISTS (SELECT FROM ancestor WHERE task_id = task.id AND ancestor.parent_id = task.id) AS in_circle,
    EXISTS (
        SELECT FROM task_states AS child WHERE child.parent_id = task.id AND child.project_id <> task.project_id
    ) AS left_subtasks
FROM task_states AS task
LEFT JOIN task_states AS parent
    ON parent.id = task.parent_id AND parent.project_id = task.project_id AND parent.delete_time IS NULL
WHERE task.id = ANY($1::uuid[])

-- list_strangers
-- Those pairs of a project and a user in which the user is no member.
SELECT project_id::text, user_id::text
FROM unnest($1::uuid[], $2::uuid[]) AS pair (project_id, user_id)
WHERE NOT EXISTS (
    SELECT FROM members WHERE members.project_id = pair.project_id AND members.user_id = pair.user_id
)

-- personal_project
SELECT personal_project_id FROM users WHERE id = $1

-- list_tasks
-- A page, cut where it would become larger than clients take; `found` is how long it would have been.
SELECT * FROM (
    SELECT task.*, sum(size) OVER (ORDER BY {order}) - size AS before, count(*) OVER () AS found
    FROM (
        SELECT
            task.*,
            octet_length(description) + coalesce(octet_length(payload::text), 0)
            + coalesce(octet_length(result::text), 0) AS size
        FROM task_states AS task WHERE {where} ORDER BY {order} LIMIT {limit}
    ) AS task
) AS task
WHERE before < {bytes} ORDER BY {order}

-- list_task_history
-- Its versions: the events of its comments have none.
SELECT * FROM (
    SELECT past.*, sum(size) OVER (ORDER BY version {order}) - size AS before, count(*) OVER () AS found
    FROM (
        SELECT
            event_id, type, time, actor_id, version, changed_fields, to_jsonb(task) AS body,
            octet_length(to_jsonb(task)::text) AS size
        FROM events WHERE task_id = $1 AND version > 0 AND ($2::integer IS NULL OR version {after} $2)
        ORDER BY version {order} LIMIT $3
    ) AS past
) AS past
WHERE before < $4 ORDER BY version {order}
