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
)
SELECT task.*, hit.score
FROM hit JOIN task_states AS task USING (id)
WHERE {after}
ORDER BY hit.score DESC, task.id
LIMIT {limit}

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
