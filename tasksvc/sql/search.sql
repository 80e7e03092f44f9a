-- search_tasks
-- $1: the query as it was written; $2: its words, for to_tsquery.
WITH asked AS (
    SELECT
        websearch_to_tsquery('russian', $1) AS written,
        to_tsquery('russian', $2) || to_tsquery('simple', $2) AS begun
), hit AS (
    SELECT
        task.id,
        (
            -- Whole words before beginnings of words, titles before descriptions, short titles before long ones.
            4 * ts_rank(words, written) + ts_rank(words, begun)
            + similarity($1, title) / 2 + word_similarity($1, title) / 4
        )::float8 AS score
    FROM tasks AS task, asked
    WHERE {found}
), page AS (
    SELECT id, score FROM hit WHERE {after} ORDER BY score DESC, id LIMIT {limit}
)
SELECT * FROM (
    SELECT task.*, sum(size) OVER (ORDER BY score DESC, id) - size AS before, count(*) OVER () AS found
    FROM (
        SELECT
            task.*, score,
            octet_length(description) + coalesce(octet_length(payload::text), 0)
            + coalesce(octet_length(result::text), 0) AS size
        FROM page JOIN task_states AS task USING (id)
    ) AS task
) AS task
WHERE before < {bytes} ORDER BY score DESC, id

-- title_resembles
-- Whether a word of the title differs in a few letters only. Trigrams find the candidates, by their index.
{word} <% title AND EXISTS (
    SELECT FROM regexp_split_to_table(lower(translate(title, 'Ёё', 'Ее')), '\W+') AS title_word
    WHERE levenshtein_less_equal(left(title_word, 255), {word}, {errors}) <= {errors}
)

-- list_hits
-- Those of the words $1 that are what was searched for: $2 as lexemes, $3 as misspelt by up to $4 letters.
SELECT word
FROM unnest($1::text[]) AS word
WHERE to_tsvector('russian', translate(word, 'ё', 'е')) @@ (to_tsquery('russian', $2) || to_tsquery('simple', $2))
    OR EXISTS (
        SELECT FROM unnest($3::text[], $4::integer[]) AS asked (text, errors)
        WHERE levenshtein_less_equal(left(translate(word, 'ё', 'е'), 255), text, errors) <= errors
    )
