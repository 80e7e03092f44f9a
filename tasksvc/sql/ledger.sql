-- find_event
-- Ids begin with the time at which they were made; that clock may be a few minutes off the database's.
SELECT
    event.event_id, event.type, event.time, event.actor_id, event.project_id, event.task_id, event.subject_id,
    event.changed_fields, event.comment, event.mentioned_ids, event.commenter_ids, event.traceparent,
    coalesce(event.body, to_jsonb(event.task)) AS body, to_jsonb(event.previous) AS previous, event.stream_sequence
FROM events AS event
WHERE event.event_id = $1 AND event.time BETWEEN $2::timestamptz - interval '5 minutes' AND $2::timestamptz + interval '5 minutes'
