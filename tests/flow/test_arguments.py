"""An argument of the wrong kind is refused at the call, by an error that names what was expected."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    Becoming,
    ConsistentHash,
    PoolRef,
    RandomRoutee,
    RateLimit,
    StateMachine,
    Topic,
    Worker,
    all_results,
    as_completed,
    entry,
    first_result,
    state,
)
from actorio._core.checks import has_yield
from tests.arguments import SPAWN, Entry, options, refuses, table
from tests.guarantees.actors import Silent

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


@dataclass
class Stage:
    """What there is to call."""

    system: ActorSystem
    ref: ActorRef[Silent]
    pool: PoolRef[Worker]


class Machine(StateMachine[int, Any]):
    """Has one state."""

    initial_state = 1


POOL: dict[str, tuple[str, str]] = {
    **SPAWN,
    "size": ("count", "size must"),
    "routing": ("instance or None", "routing must have a method select"),
    "start_timeout": ("more than 0 seconds or None", "start_timeout must"),
    "supervision": ("instance", "supervision must be a Supervision"),
    "rate": ("instance or None", "rate must be a RateLimit"),
    "job_timeout": ("more than 0 seconds or None", "job_timeout must"),
    "on_stuck": ("plain function or None", "on_stuck must be a plain function"),
}
MAP: dict[str, tuple[str, str]] = {
    "limit": ("count from 1 or None", "limit must"),
    "timeout": ("more than 0 seconds or None", "timeout must"),
    "on_error": ("plain function or None", "on_error must be a plain function"),
    "progress": ("plain function or None", "progress must be a plain function"),
    "chunk": ("count from 1", "chunk must"),
}


async def _items(me: Any) -> Any:
    yield me


def _fresh(value: Any) -> Any:
    return (lambda *_: None) if callable(value) and not has_yield(value) else value


async def _all(results: Any) -> None:
    async for _ in results:
        pass


def _topic(stage: Stage) -> Topic[Any]:
    return Topic(stage.system, "prices")


async def _delay(stage: Stage, kind: type[Actor[Any]], method: str, delay: Any) -> None:
    ref = await stage.system.spawn(kind)
    await ref.submit(lambda: getattr(ref._cell.instance, method)(delay, "event"))


FLOW = [
    *options("spawn_pool", lambda stage, **options: stage.system.spawn_pool(Silent, **options), POOL),
    Entry(
        "spawn_pool(factory)",
        "factory",
        "spawn takes",
        lambda stage, value: stage.system.spawn_pool(value, size=1),
    ),
    Entry("resize", "count", "size must", lambda stage, value: stage.pool.resize(value)),
    *options("map", lambda stage, **options: stage.pool.map(str, [], **options), MAP),
    Entry("map(func)", "function", "map takes", lambda stage, value: stage.pool.map(value, [])),
    Entry("map(iterable)", "iterable", "iterable must", lambda stage, value: stage.pool.map(str, value)),
    Entry("all_results", "iterable of instances", "Result", lambda stage, value: all_results(value)),
    Entry("all_results([])", "instance", "Result", lambda stage, value: all_results([value])),
    Entry("first_result", "iterable of instances", "[rR]esult", lambda stage, value: first_result(value)),
    Entry("first_result([])", "instance", "Result", lambda stage, value: first_result([value])),
    Entry("as_completed", "iterable of instances", "Result", lambda stage, value: _all(as_completed(value))),
    Entry("as_completed([])", "instance", "Result", lambda stage, value: _all(as_completed([value]))),
    Entry("RateLimit", "count from 1", "count must", lambda stage, value: RateLimit(value)),
    Entry("RateLimit(per)", "more than 0 seconds", "per must", lambda stage, value: RateLimit(1, value)),
    Entry("ConsistentHash", "plain function", "key must", lambda stage, value: ConsistentHash(value)),
    Entry(
        "ConsistentHash(points)",
        "count from 1",
        "points must",
        lambda stage, value: ConsistentHash(str, points=value),
    ),
    Entry(
        "RandomRoutee",
        "instance or None",
        "source must be a Random",
        lambda stage, value: RandomRoutee(value),
    ),
    Entry("Topic", "instance", "system must be an ActorSystem", lambda stage, value: Topic(value, "t")),
    Entry("Topic(name)", "hashable", "hashable", lambda stage, value: Topic(stage.system, value)),
    Entry("subscribe", "instance", "ActorRef", lambda stage, value: _topic(stage).subscribe(value)),
    Entry(
        "subscribe(overflow)",
        "instance",
        "overflow must be an Overflow",
        lambda stage, value: _topic(stage).subscribe(stage.ref, overflow=value),
    ),
    Entry("unsubscribe", "instance", "ActorRef", lambda stage, value: _topic(stage).unsubscribe(value)),
    Entry(
        "stream(capacity)",
        "count from 1 or None",
        "capacity must",
        lambda stage, value: _topic(stage).stream(value),
    ),
    Entry(
        "stream(overflow)",
        "instance",
        "overflow must be an Overflow",
        lambda stage, value: _topic(stage).stream(overflow=value),
    ),
    Entry("Worker", "instance", "runner must", lambda stage, value: Worker(value)),
    Entry(
        "buffered",
        "count from 1",
        "window must",
        lambda stage, value: stage.ref.stream(_items).buffered(value),
    ),
    Entry("state", "function", "state.. marks a method", lambda stage, value: state(1)(_fresh(value))),
    Entry("entry", "function", "entry.. marks a method", lambda stage, value: entry(1)(_fresh(value))),
    Entry("become", "function", "become takes a function", lambda stage, value: Becoming().become(value)),
    Entry(
        "when_idle",
        "seconds or None",
        "delay must",
        lambda stage, value: _delay(stage, Becoming, "when_idle", value),
    ),
    Entry(
        "state_timeout",
        "seconds",
        "delay must",
        lambda stage, value: _delay(stage, Machine, "state_timeout", value),
    ),
    Entry(
        "event_timeout",
        "seconds",
        "delay must",
        lambda stage, value: _delay(stage, Machine, "event_timeout", value),
    ),
]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    """A system with an actor and a pool."""
    async with ActorSystem() as system:
        yield Stage(system, await system.spawn(Silent), await system.spawn_pool(Worker, size=1))


@table(FLOW)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_wrong_argument_is_refused(entry: Entry, stage: Stage) -> None:
    await refuses(entry, stage)
    assert await stage.pool.submit(int) == 0
