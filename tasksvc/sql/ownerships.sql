-- keep_ownerships
-- What is ours, and what was ours and nobody took. $1 is also noted as present, whatever it owns.
WITH present AS (
    INSERT INTO ownerships (name, owner, term, expire_time) VALUES ($2, $1, 0, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE SET expire_time = excluded.expire_time
)
UPDATE ownerships SET expire_time = clock_timestamp() + make_interval(secs => $3)
WHERE owner = $1 AND name = ANY($4::text[])
RETURNING name, term

-- list_owners
SELECT owner FROM ownerships WHERE name LIKE $1 AND expire_time > clock_timestamp() ORDER BY owner

-- take_ownerships
-- A new term: what the last owner still does under its own is refused.
INSERT INTO ownerships (name, owner, term, expire_time)
SELECT name, $1, 1, clock_timestamp() + make_interval(secs => $3) FROM (
    SELECT wanted.name FROM unnest($4::text[]) AS wanted (name) LEFT JOIN ownerships AS held USING (name)
    WHERE held.name IS NULL OR held.expire_time <= clock_timestamp()
    LIMIT $2
) AS free
ON CONFLICT (name) DO UPDATE
    SET owner = excluded.owner, term = ownerships.term + 1, expire_time = excluded.expire_time
    WHERE ownerships.expire_time <= clock_timestamp()
RETURNING name, term

-- give_ownerships
UPDATE ownerships SET expire_time = '-infinity', owner = '' WHERE owner = $1 AND name = ANY($2::text[])

-- leave_ownerships
-- The note of our presence, and those of others that died long ago.
DELETE FROM ownerships WHERE name = $1 OR (name LIKE $2 AND expire_time < clock_timestamp() - interval '1 minute')
