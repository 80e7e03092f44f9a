-- search_tasks
-- {found}: which tasks; $1: the query as it was written; $2: its words, for to_tsquery.
WITH asked AS (
    SELECT
        websearch_to_tsquery('russian', $1) AS written,
        to_tsquery('russian', $2) || to_tsquery('simple', $2) AS begun
), hit AS (
    SELECT
        task.id,
        (
            4 * ts_rank(words, written) + 2 * ts_rank(words, begun)
            + word_similarity($1, title) + similarity($1, title) / 2
        )::float8 AS score
    FROM tasks AS task, asked
    WHERE {found}
)
SELECT task.*, hit.score
FROM hit JOIN task_states AS task USING (id)
WHERE {after}
ORDER BY hit.score DESC, task.id
LIMIT {limit}

-- list_hits
-- Those of the words $1 that are what was searched for: $2 as lexemes, $3 as maybe misspelt.
SELECT word
FROM unnest($1::text[]) AS word
WHERE to_tsvector('russian', translate(word, 'Ёё', 'Ее')) @@ (to_tsquery('russian', $2) || to_tsquery('simple', $2))
    OR EXISTS (SELECT FROM unnest($3::text[]) AS asked WHERE asked <% word)
