"""What a replica reads from the database for the operator."""

from collections.abc import AsyncIterator

import pytest

from chassis import postgres
from chassis.postgres import Pool
from notifysvc.readings import readings_of_webhooks
from tests.conftest import FreshDatabase

WEBHOOK = """
INSERT INTO webhooks (id, project_id, url, description, event_types, disabled, failing_since_time, pause_time)
VALUES (uuidv7(), uuidv7(), '', '', '{}', $1, CASE WHEN $2 THEN now() END, CASE WHEN $3 THEN now() END) RETURNING id
"""
DELIVERY = """
INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, event, state, next_time)
VALUES (uuidv7(), $1, uuidv7(), 'task.created', '', $2, now() - make_interval(secs => $3))
"""
WAITING, DELIVERED = 1, 2


@pytest.fixture
async def pool(fresh_database: FreshDatabase) -> AsyncIterator[Pool]:
    """An empty database that nobody else reads."""
    async with postgres.connect(await fresh_database(), "notifysvc", 2) as pool:
        yield pool


async def told(pool: Pool) -> dict[str, float]:
    return {figure.name: value for figure, _, value in await readings_of_webhooks(pool)()}


async def test_nothing_waits_where_there_are_no_webhooks(pool: Pool) -> None:
    assert await told(pool) == {
        "taskbell_webhook_deliveries_waiting": 0,
        "taskbell_webhook_oldest_due_age_seconds": 0,
        "taskbell_webhooks_failing": 0,
    }


async def test_what_webhooks_are_owed_is_told_but_not_what_nobody_wants_sent(pool: Pool) -> None:
    works, fails = [await pool.fetchval(WEBHOOK, False, failing, False) for failing in (False, True)]
    paused, disabled = await pool.fetchval(WEBHOOK, False, True, True), await pool.fetchval(WEBHOOK, True, True, False)
    await pool.execute(DELIVERY, works, WAITING, 100)
    await pool.execute(DELIVERY, works, DELIVERED, 5000)
    await pool.execute(DELIVERY, fails, WAITING, -3600)  # tried again in an hour
    for nobodys in (paused, disabled):
        await pool.execute(DELIVERY, nobodys, WAITING, 5000)
    figures = await told(pool)
    assert figures["taskbell_webhook_deliveries_waiting"] == 2
    assert 100 <= figures["taskbell_webhook_oldest_due_age_seconds"] < 200
    assert figures["taskbell_webhooks_failing"] == 1
