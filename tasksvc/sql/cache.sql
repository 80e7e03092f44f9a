-- see_cache_trust
SELECT epoch, trusted, server FROM cache_trust

-- distrust_cache
-- Each change has its own epoch, so who is late with its change makes none.
UPDATE cache_trust SET epoch = epoch + 1, trusted = false, server = '', change_time = clock_timestamp()
WHERE epoch = $1 AND trusted
RETURNING epoch, trusted, server

-- trust_cache
UPDATE cache_trust SET epoch = epoch + 1, trusted = true, server = $2, change_time = clock_timestamp()
WHERE epoch = $1 AND NOT trusted
RETURNING epoch, trusted, server

-- begin_cache_anew
-- After a restore: an epoch that no cache can have seen, since epochs go up by one and no faster than milliseconds do.
UPDATE cache_trust SET
    epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
    trusted = false, server = '', change_time = clock_timestamp()
