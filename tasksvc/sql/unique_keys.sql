-- take_unique_keys
-- In the order of the keys, as everywhere. Waits for whoever is about to take or free one; returns those that were got.
INSERT INTO unique_keys AS held (project_id, queue, key, task_id, until)
SELECT project_id, queue, key, task_id, now() + make_interval(secs => period)
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::double precision[])
    AS wanted (project_id, queue, key, task_id, period)
ORDER BY project_id, queue, key
ON CONFLICT (project_id, queue, key) DO UPDATE SET task_id = excluded.task_id, until = excluded.until
    WHERE held.until <= now() OR held.task_id = excluded.task_id
RETURNING task_id

-- find_unique_keys
SELECT project_id, queue, key, task_id FROM unique_keys
JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (project_id, queue, key) USING (project_id, queue, key)

-- free_unique_keys
WITH freed AS MATERIALIZED (
    SELECT project_id, queue, key FROM unique_keys
    JOIN unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS given (project_id, queue, key, task_id)
        USING (project_id, queue, key, task_id)
    ORDER BY project_id, queue, key FOR UPDATE OF unique_keys
)
DELETE FROM unique_keys USING freed
WHERE (unique_keys.project_id, unique_keys.queue, unique_keys.key) = (freed.project_id, freed.queue, freed.key)
