-- list_waiting_events
-- The first of each partition, and a place on the same subject of which is known that each can only be after it: that of the
-- event before, unless the stream lost that one more often, and it came to its place late. A partition that has many waiting
-- holds no other back.
SELECT
    event.id, event.event_id, event.partition, event.type, event.time, event.actor_id, event.project_id, event.task_id,
    event.subject_id, event.changed_fields, event.comment, event.mentioned_ids, event.commenter_ids, event.traceparent,
    coalesce(event.body, to_jsonb(event.task)) AS body, to_jsonb(event.previous) AS previous,
    coalesce(
        CASE WHEN event.task_id IS NOT NULL THEN (
            -- The newest of its changes or of its comments before: each has an index.
            SELECT stream_sequence FROM (
                (
                    SELECT id, stream_sequence FROM events AS before
                    WHERE before.task_id = event.task_id AND before.project_id = event.project_id AND before.version > 0
                        AND before.id < event.id AND before.losses <= event.losses AND before.stream_sequence IS NOT NULL
                    ORDER BY before.version DESC LIMIT 1
                )
                UNION ALL
                (
                    SELECT id, stream_sequence FROM events AS before
                    WHERE before.task_id = event.task_id AND before.project_id = event.project_id AND before.version = 0
                        AND before.id < event.id AND before.losses <= event.losses AND before.stream_sequence IS NOT NULL
                    ORDER BY before.id DESC LIMIT 1
                )
            ) AS before
            ORDER BY id DESC LIMIT 1
        ) ELSE (
            SELECT stream_sequence FROM events AS before
            WHERE before.subject_id = event.subject_id AND before.project_id IS NOT DISTINCT FROM event.project_id
                AND before.id < event.id AND before.losses <= event.losses
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

-- probe_published
-- Of each partition the newest event in the stream, and those at ever longer distances before it: 1, 3, 7, 15, ... sequences.
SELECT DISTINCT probe.partition, probe.event_id, probe.stream_sequence
FROM unnest($1::smallint[]) AS own (partition)
CROSS JOIN LATERAL (
    SELECT stream_sequence AS sequence FROM events
    WHERE partition = own.partition AND stream_sequence IS NOT NULL
    ORDER BY stream_sequence DESC LIMIT 1
) AS newest
CROSS JOIN generate_series(0, 40) AS step (number)
CROSS JOIN LATERAL (
    SELECT partition, event_id, stream_sequence, time FROM events
    WHERE partition = own.partition AND stream_sequence <= newest.sequence + 1 - (1::bigint << step.number)
    ORDER BY stream_sequence DESC LIMIT 1
) AS probe
WHERE probe.time > now() - make_interval(secs => $2)

-- list_published_below
-- The newest in the stream of a partition below a sequence, and whether each is young enough for the stream to keep it.
SELECT id, event_id, stream_sequence, time > now() - make_interval(secs => $3) AS kept FROM events
WHERE partition = $1 AND stream_sequence < $2
ORDER BY stream_sequence DESC FETCH FIRST $4 ROWS WITH TIES

-- list_published_between
-- Those of some partitions within ranges of sequences, young enough for the stream to keep them.
SELECT id, stream_sequence
FROM unnest($1::smallint[]) AS own (partition)
CROSS JOIN unnest($2::bigint[], $3::bigint[]) AS missing (first, last)
JOIN events ON events.partition = own.partition AND stream_sequence BETWEEN missing.first AND missing.last
WHERE time > now() - make_interval(secs => $4)

-- unmark_published
-- Unless somebody has given them a new place meanwhile.
UPDATE events SET stream_sequence = NULL, losses = losses + 1
FROM unnest($1::bigint[], $2::bigint[]) AS lost (id, sequence)
WHERE events.id = lost.id AND events.stream_sequence = lost.sequence
RETURNING events.id
