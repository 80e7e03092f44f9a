-- list_waiting_events
-- The first of each partition, and the sequence of what was published before each on the same subject. A partition that has
-- many waiting holds no other back.
SELECT
    event.id, event.event_id, event.partition, event.type, event.time, event.actor_id, event.project_id, event.task_id,
    event.subject_id, event.changed_fields, event.comment, event.mentioned_ids, event.commenter_ids, event.traceparent,
    coalesce(event.body, to_jsonb(event.task)) AS body, to_jsonb(event.previous) AS previous,
    coalesce(
        CASE WHEN event.task_id IS NOT NULL THEN (
            -- The newest of its changes or of its comments: each has an index.
            SELECT stream_sequence FROM (
                (
                    SELECT id, stream_sequence FROM events AS before
                    WHERE before.task_id = event.task_id AND before.project_id = event.project_id AND before.version > 0
                        AND before.stream_sequence IS NOT NULL
                    ORDER BY before.version DESC LIMIT 1
                )
                UNION ALL
                (
                    SELECT id, stream_sequence FROM events AS before
                    WHERE before.task_id = event.task_id AND before.project_id = event.project_id AND before.version = 0
                        AND before.stream_sequence IS NOT NULL
                    ORDER BY before.id DESC LIMIT 1
                )
            ) AS before
            ORDER BY id DESC LIMIT 1
        ) ELSE (
            SELECT stream_sequence FROM events AS before
            WHERE before.subject_id = event.subject_id AND before.project_id IS NOT DISTINCT FROM event.project_id
                AND before.stream_sequence IS NOT NULL
            ORDER BY before.id DESC LIMIT 1
        ) END, 0
    ) AS sequence_before
FROM unnest($1::smallint[]) AS own (partition)
CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE events.partition = own.partition AND stream_sequence IS NULL
    ORDER BY events.id LIMIT $2
) AS event
ORDER BY event.id

-- mark_published
-- Only by the owner of this term: who lost the partition meanwhile knows no more what is true.
UPDATE events SET stream_sequence = published.sequence
FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) AS published (id, sequence, ownership, term)
JOIN ownerships
    ON ownerships.name = published.ownership AND ownerships.term = published.term AND ownerships.owner = $1
WHERE events.id = published.id AND events.stream_sequence IS NULL

-- list_published_events
-- The newest in the stream of a partition, no older than the stream keeps them.
SELECT id, event_id, stream_sequence FROM events
WHERE partition = $1 AND stream_sequence IS NOT NULL AND time > now() - make_interval(secs => $2)
ORDER BY stream_sequence DESC LIMIT $3

-- unmark_published
-- Unless somebody has given them a new place meanwhile.
UPDATE events SET stream_sequence = NULL
FROM unnest($1::bigint[], $2::bigint[]) AS lost (id, sequence)
WHERE events.id = lost.id AND events.stream_sequence = lost.sequence
