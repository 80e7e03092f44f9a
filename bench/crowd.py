"""Thousands of people at once, who have signed in: made in the database, as registering them takes a hash each."""

from typing import Final

from uuid_utils.compat import uuid7

from bench.stage import Stage
from chassis import postgres
from tasksvc.access_tokens import AccessTokens
from tasksvc.signing_keys import kept_signing_keys

_LIFETIME: Final = 3600
_JOIN: Final = """
WITH people AS (
    INSERT INTO users (id, username, email, password_hash, personal_project_id)
    SELECT uuidv7(), 'crowd' || n, 'crowd' || n || '@example.com', 'none', uuidv7() FROM generate_series(1, $2) AS n
    RETURNING id, personal_project_id
), own AS (
    INSERT INTO projects (id, title, personal) SELECT personal_project_id, 'Personal', true FROM people
), members AS (
    INSERT INTO members (project_id, user_id, role)
    SELECT personal_project_id, id, 3 FROM people UNION ALL SELECT $1, id, 1 FROM people
)
SELECT id FROM people
"""


async def join(stage: Stage, project_id: str, people: int) -> list[str]:
    """The access tokens of new members of the project."""
    async with postgres.connect(stage.stack.database_url, "tasksvc", 1) as pool:
        rows = await pool.fetch(_JOIN, project_id, people)
        tokens = AccessTokens(await kept_signing_keys(pool), _LIFETIME)
    return [tokens.sign(row["id"], uuid7()) for row in rows]
