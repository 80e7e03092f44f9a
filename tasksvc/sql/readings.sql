-- read_outbox
-- By one replica at a time: who has the turn keeps it for as long as it comes back, and nobody else's statement reads anything.
-- What waits is counted up to a thousand a partition: that much is alarming enough, and always quick.
WITH turn AS (
    INSERT INTO ownerships (name, owner, term, expire_time)
    VALUES ('readings', $1, 1, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, term = ownerships.term + 1, expire_time = excluded.expire_time
    WHERE ownerships.owner = excluded.owner OR ownerships.expire_time <= clock_timestamp()
    RETURNING name
)
SELECT
    coalesce(sum(waiting.count), 0)::bigint AS waiting,
    coalesce(extract(epoch FROM now() - min(waiting.oldest)), 0)::double precision AS oldest_age
FROM turn
CROSS JOIN generate_series(0, $3::integer - 1) AS partition (number)
CROSS JOIN LATERAL (
    SELECT count(*) AS count, min(time) AS oldest FROM (
        SELECT time FROM events WHERE partition = partition.number AND stream_sequence IS NULL ORDER BY id LIMIT 1000
    ) AS first
) AS waiting
HAVING count(*) > 0

-- read_queues
-- Every task of every queue, by what it waits for. Paused queues wait by intention: their age alarms nobody.
SELECT
    count(*) FILTER (WHERE state = 1 AND blockers = 0 AND ready_time <= now()) AS waiting,
    count(*) FILTER (WHERE state = 1 AND blockers = 0 AND ready_time > now()) AS scheduled,
    count(*) FILTER (WHERE state = 2 OR blockers > 0) AS blocked,
    count(*) FILTER (WHERE state = 3) AS running,
    coalesce(extract(epoch FROM now() - min(ready_time) FILTER (
        WHERE state = 1 AND blockers = 0 AND ready_time <= now() AND queues.pause_time IS NULL
    )), 0)::double precision AS oldest_age,
    (SELECT count(DISTINCT name) FROM queue_workers WHERE seen_time > now() - interval '1 minute') AS workers,
    (SELECT count(*) FROM queues WHERE pause_time IS NOT NULL) AS paused
FROM jobs JOIN queues ON queues.id = jobs.queue_id
