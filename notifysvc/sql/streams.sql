-- add_ticket
INSERT INTO tickets (hash, sealed, expire_time) VALUES ($1, $2, now() + make_interval(secs => $3)) RETURNING expire_time

-- use_ticket
-- Whoever deletes it has it: of two who come with the same, one.
DELETE FROM tickets WHERE hash = $1 RETURNING sealed, expire_time > now() AS holds

-- forget_tickets
DELETE FROM tickets WHERE expire_time < now()

-- keep_acks
-- What is acknowledged joins what was, where a subscription went on from there; else only the newer is kept. Words that come late
-- change nothing.
INSERT INTO acks AS known (user_id, device, project_id, inbox, stream, after_sequence, sequence, time)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::uuid[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[]
) AS ack (user_id, device, project_id, inbox, stream, after_sequence, sequence, time)
ORDER BY user_id, device, project_id, inbox
ON CONFLICT (user_id, device, project_id, inbox) DO UPDATE SET
    stream = excluded.stream,
    after_sequence = CASE
        WHEN known.stream = excluded.stream AND excluded.after_sequence <= known.sequence
            THEN least(known.after_sequence, excluded.after_sequence)
        ELSE excluded.after_sequence
    END,
    sequence = excluded.sequence,
    time = excluded.time
WHERE known.stream <> excluded.stream OR known.sequence < excluded.sequence

-- list_acks
-- Which devices of these people acknowledged a place in the stream, where something of this project was told.
SELECT user_id, device, max(time) AS time
FROM acks
WHERE user_id = ANY($1::uuid[]) AND stream = $2 AND after_sequence < $3 AND sequence >= $3
    AND (project_id IS NULL OR project_id = $4) AND (NOT inbox OR $5)
GROUP BY user_id, device
ORDER BY time

-- forget_acks
DELETE FROM acks WHERE time < now() - make_interval(secs => $1)
