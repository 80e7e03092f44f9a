"""What a tasksvc knows of tasks, several times in one process: each with its own connections and its own trust."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from taskbell.tasks.v1 import tasks_pb2 as pb
from uuid_utils.compat import uuid7

from chassis import postgres, redis_link
from chassis.cache import SCRIPTS, Cache
from chassis.postgres import Pool
from tasksvc.cache import TaskCache
from tasksvc.cache_trust import CacheTrust
from tasksvc.domain import change
from tasksvc.domain.task import Task
from tasksvc.task_store import Edit, TaskStore
from tasksvc.task_to_pb import task_to_pb
from tasksvc.trusted_cache import TrustedCache

EVENTUALLY = 20.0


@dataclass(slots=True)
class Replica:
    """Reads and writes tasks as a servicer does: the database and then the cache, the cache and else the database."""

    pool: Pool
    cache: TaskCache
    trust: CacheTrust
    redis: redis_link.Redis
    project_id: str
    user_id: str

    async def create(self, title: str = "milk") -> pb.Task:
        task = Task(id=str(uuid7()), project_id=self.project_id, creator_id=self.user_id, title=title)
        return await self.keep(await self.commit_create(task))

    async def commit_create(self, task: Task) -> pb.Task:
        written = await TaskStore().create(self.pool, [change.create(task)])
        return task_to_pb(written.tasks[0])

    async def rename(self, task_id: str, title: str) -> pb.Task:
        return await self.keep(await self.commit(task_id, lambda task: change.update(task, {"title": title})))

    async def delete(self, task_id: str) -> pb.Task:
        return await self.keep(await self.commit(task_id, change.delete))

    async def commit(self, task_id: str, decide: Callable[[Task], change.Change | None]) -> pb.Task:
        """Only the database's part of a write: its writer is killed, or frozen, before it comes to the cache."""
        seen = await TaskStore().get(self.pool, task_id)
        assert seen is not None
        return task_to_pb((await TaskStore().change(self.pool, Edit(seen, decide))).tasks[0])

    async def keep(self, task: pb.Task) -> pb.Task:
        """The cache's part of a write; then it is acknowledged."""
        await self.cache.put([task])
        return task

    async def load(self, task_id: str) -> pb.Task | None:
        task = await TaskStore().get(self.pool, task_id)
        return None if task is None else task_to_pb(task)

    async def get(self, task_id: str, load: Callable[[], Awaitable[pb.Task | None]] | None = None) -> pb.Task:
        task = await self.cache.get(task_id, load or (lambda: self.load(task_id)))
        assert task is not None
        return task

    async def hits(self, task_id: str) -> bool:
        """Whether the cache answers a read by itself."""
        missed = False

        async def load() -> pb.Task | None:
            nonlocal missed
            missed = True
            return await self.load(task_id)

        await self.get(task_id, load)
        return not missed

    async def believes(self) -> None:
        """Returns when it believes the cache."""
        async with asyncio.timeout(EVENTUALLY):
            while self.trust.believed is None:  # noqa: ASYNC110 - trust comes by itself
                await asyncio.sleep(0.02)

    async def caches(self, task_id: str) -> None:
        """Returns when reads of the task are hits."""
        async with asyncio.timeout(EVENTUALLY):
            while not await self.hits(task_id):  # noqa: ASYNC110 - a fill is waited for by nobody
                await asyncio.sleep(0.02)


@asynccontextmanager
async def replica(
    database: str, redis_url: str, project_id: str, user_id: str, *, trust_through: str = ""
) -> AsyncIterator[Replica]:
    """One more replica; it need not believe the cache yet. It may ask for the trust in it another way."""
    stopping = asyncio.Event()
    async with (
        postgres.connect(database, "tasksvc", 8) as pool,
        postgres.connect(trust_through or database, "tasksvc", 2) as own_pool,
        redis_link.connect(redis_url, SCRIPTS) as redis,
        asyncio.TaskGroup() as group,
    ):
        trust = CacheTrust(own_pool, redis, calm=[0.3])
        group.create_task(trust.run(stopping))
        cache = TaskCache(TrustedCache(Cache(redis), trust))
        try:
            yield Replica(pool, cache, trust, redis, project_id, user_id)
        finally:
            stopping.set()


async def settle_in(database: str) -> tuple[str, str]:
    """A project and a user, for tasks to belong to."""
    project, user = uuid7(), uuid7()
    async with postgres.connect(database, "tasksvc", 1) as pool:
        await pool.execute("INSERT INTO projects (id, title) VALUES ($1, 'home')", project)
        await pool.execute(
            "INSERT INTO users (id, username, email, password_hash, personal_project_id)"
            " VALUES ($1, $2, $2 || '@example.com', '', $3)",
            user,
            str(user),
            project,
        )
        await pool.execute("INSERT INTO members (project_id, user_id, role) VALUES ($1, $2, 3)", project, user)
    return str(UUID(int=project.int)), str(UUID(int=user.int))
