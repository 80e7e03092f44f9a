"""Answers that are stored together are answered apart."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import pytest
from taskbell.tasks.v1.tasks_pb2 import Task

from chassis.caller import Call, Caller, as_call, caller
from chassis.errors import LeaseLost, Unavailable
from tasksvc.joint_answers import JointAnswers
from tasksvc.lease_store import Answer, Completed
from tasksvc.leasing import Told

HOME = frozenset({"home"})


def answer(name: str) -> Answer:
    return Answer(name, Completed())


@contextmanager
def by(user: str) -> Iterator[None]:
    with as_call(Call(caller=Caller(user))):
        yield


class Storage:
    """Stores what it is given, in statements that end when they are let go."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, list[str]]] = []
        self.open = asyncio.Event()
        self.fails: Exception | None = None

    async def settle(self, answers: Sequence[Answer], _projects: Collection[str]) -> Sequence[Told]:
        names = [each.lease_id for each in answers]
        self.statements.append((caller().user_id, names))
        await self.open.wait()
        if self.fails is not None and "poison" in names:
            raise self.fails
        return [LeaseLost("lost") if name == "lost" else Task(id=name) for name in names]


@pytest.fixture
async def storage() -> Storage:
    return Storage()


@pytest.fixture
def joint(storage: Storage) -> JointAnswers:
    return JointAnswers(storage.settle)


def answered(joint: JointAnswers, *names: str) -> "list[asyncio.Task[Task]]":
    return [asyncio.create_task(joint.settle(answer(name), HOME)) for name in names]


async def test_those_that_come_while_a_statement_is_under_way_share_the_next(
    joint: JointAnswers, storage: Storage
) -> None:
    with by("ann"):
        (first,) = answered(joint, "a")
        await asyncio.sleep(0)
        others = answered(joint, "b", "lost", "c")
    await asyncio.sleep(0)
    storage.open.set()
    assert (await first).id == "a"
    outcomes = await asyncio.gather(*others, return_exceptions=True)
    assert [getattr(each, "id", type(each)) for each in outcomes] == ["b", LeaseLost, "c"]
    assert storage.statements == [("ann", ["a"]), ("ann", ["b", "lost", "c"])]


async def test_each_user_s_answers_are_its_own(joint: JointAnswers, storage: Storage) -> None:
    storage.open.set()
    with by("ann"):
        of_ann = answered(joint, "a")
    with by("bob"):
        of_bob = answered(joint, "b")
    await asyncio.gather(*of_ann, *of_bob)
    assert sorted(storage.statements) == [("ann", ["a"]), ("bob", ["b"])]


async def test_who_goes_away_takes_nobody_along(joint: JointAnswers, storage: Storage) -> None:
    with by("ann"):
        first, gone, last = answered(joint, "a", "b", "c")
    await asyncio.sleep(0)
    first.cancel()
    gone.cancel()
    storage.open.set()
    assert (await last).id == "c"


async def test_one_that_nobody_can_store_does_not_hinder_the_others(joint: JointAnswers, storage: Storage) -> None:
    storage.fails = ValueError("poison")
    storage.open.set()
    with by("ann"):
        outcomes = await asyncio.gather(*answered(joint, "a", "poison", "b"), return_exceptions=True)
    assert [getattr(each, "id", type(each)) for each in outcomes] == ["a", ValueError, "b"]


async def test_all_are_told_when_the_database_is_away(joint: JointAnswers, storage: Storage) -> None:
    storage.fails = Unavailable("away")
    storage.open.set()
    with by("ann"):
        outcomes = await asyncio.gather(*answered(joint, "a", "poison", "b"), return_exceptions=True)
    assert Unavailable in {type(each) for each in outcomes}
    assert storage.statements[-1][1][-1] == "b"
