"""An argument of the wrong kind is refused at the call, by an error that names what was expected."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    Backoff,
    Becoming,
    ConsistentHash,
    DeadLetter,
    Mailbox,
    PoolRef,
    PriorityMailbox,
    RandomRoutee,
    RateLimit,
    Restart,
    Result,
    StateMachine,
    Supervision,
    Supervisor,
    Topic,
    Worker,
    all_results,
    as_completed,
    child,
    entry,
    first_result,
    run,
    state,
)
from actorio._core.checks import has_yield
from tests.arguments import SPAWN, Entry, Obliging, Stage, options, refuses, table
from tests.guarantees.actors import Silent

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


SYSTEM = [
    Entry("ActorSystem(name)", "name", "name must", lambda stage, value: ActorSystem(value)),
    Entry(
        "ActorSystem(shutdown_timeout)",
        "seconds",
        "shutdown_timeout must",
        lambda stage, value: ActorSystem(shutdown_timeout=value),
    ),
    Entry("random", "instance", "random must be a Random", lambda stage, value: _set("random", value)),
    Entry(
        "observer",
        "instance or None",
        "observer must be an Observer",
        lambda stage, value: _set("observer", value),
    ),
    Entry("run", "coroutine function", "run takes|exactly one argument", lambda stage, value: run(value)),
    *options(
        "spawn",
        lambda stage, **options: stage.system.spawn(Silent, **options),
        {**SPAWN, "start_timeout": ("more than 0 seconds or None", "start_timeout must")},
    ),
    Entry("spawn(factory)", "factory", "spawn takes", lambda stage, value: stage.system.spawn(value)),
    Entry("get_or_spawn", "name", "name must", lambda stage, value: stage.system.get_or_spawn(value, Silent)),
    Entry(
        "get_or_spawn(factory)",
        "factory",
        "spawn takes",
        lambda stage, value: stage.system.get_or_spawn("new", value),
    ),
    Entry("lookup", "text", "name must", lambda stage, value: stage.system.lookup(value)),
    Entry(
        "lookup(expect)",
        "class or None",
        "expect must be a class",
        lambda stage, value: stage.system.lookup("it", value),
    ),
    Entry("register", "name", "name must", lambda stage, value: stage.system.register(value, stage.ref)),
    Entry(
        "register(ref)", "instance", "ActorRef", lambda stage, value: stage.system.register("alias", value)
    ),
    Entry("unregister", "name", "name must", lambda stage, value: stage.system.unregister(value)),
    Entry(
        "before_shutdown", "function", "function", lambda stage, value: ActorSystem().before_shutdown(value)
    ),
    Entry("after_shutdown", "function", "function", lambda stage, value: ActorSystem().after_shutdown(value)),
]


def _set(name: str, value: Any) -> None:
    setattr(ActorSystem(), name, value)


async def _ended(stage: Stage, timeout: Any) -> None:
    ref = await stage.system.spawn(Silent)
    ref.kill()
    await ref.join(timeout)


async def _answer(stage: Stage, name: str, func: Any) -> Any:
    answer = getattr(stage.ref, name)(func)
    return await (asyncio.wrap_future(answer) if name == "submit_threadsafe" else answer)


async def _unheard(stage: Stage, method: Any) -> None:
    ref = await stage.system.spawn(Silent, restart=Restart.TEMPORARY)
    await ref.cast(method)
    ref.kill()


async def _done() -> None:
    return None


async def _stash(stage: Stage, capacity: Any) -> None:
    def stash(context: Any) -> None:
        context.stash(stash, capacity=capacity)

    await stage.ref.ask(stash, timeout=0)


ACTORS = [
    Entry(
        "ask(timeout)",
        "seconds or None",
        "timeout must",
        lambda stage, value: stage.ref.ask(str, timeout=value),
    ),
    Entry("join", "seconds or None", "timeout must", _ended),
    *(
        Entry(
            name,
            "function",
            f"{name} takes a function|not a method|argument",
            lambda stage, value, name=name: _answer(stage, name, value),
        )
        for name in ("call", "submit", "submit_threadsafe")
    ),
    Entry("cast", "function", "cast takes a function", _unheard),
    Entry(
        "stream",
        "streamable",
        "stream takes a (function|method)",
        lambda stage, value: stage.ref.stream(value),
    ),
    *(
        Entry(
            name,
            "instance",
            f"{name} takes an ActorRef",
            lambda stage, value, name=name: stage.turn(lambda context: getattr(context, name)(value)),
        )
        for name in ("watch", "unwatch", "link", "unlink")
    ),
    Entry(
        "send_after",
        "seconds",
        "delay must",
        lambda stage, value: stage.turn(lambda context: context.send_after(value, str)),
    ),
    Entry(
        "send_every",
        "more than 0 seconds",
        "interval must",
        lambda stage, value: stage.turn(lambda context: context.send_every(value, str)),
    ),
    Entry(
        "send_after(key)",
        "hashable",
        "hashable",
        lambda stage, value: stage.turn(lambda context: context.send_after(9, str, key=value)),
    ),
    Entry(
        "start_soon",
        "coroutine function",
        "start_soon takes|exactly one argument",
        lambda stage, value: stage.turn(lambda context: context.start_soon(value)),
    ),
    Entry(
        "pipe",
        "awaitable",
        "pipe takes an awaitable",
        lambda stage, value: stage.turn(lambda context: context.pipe(value)),
    ),
    *(
        Entry(
            f"pipe({option})",
            "plain function or None",
            f"{option} must be a plain function",
            lambda stage, value, option=option: stage.turn(
                lambda context: context.pipe(_done(), **{option: value})
            ),
        )
        for option in ("value", "error")
    ),
    Entry("stash(capacity)", "count from 1", "capacity must", _stash),
    *options(
        "context.spawn",
        lambda stage, **options: stage.turn(lambda context: context.spawn(Silent, **options)),
        SPAWN,
    ),
    Entry("Mailbox", "count from 1 or None", "capacity must", lambda stage, value: Mailbox(value)),
    Entry(
        "Mailbox(overflow)",
        "instance",
        "overflow must be an Overflow",
        lambda stage, value: Mailbox(overflow=value),
    ),
    Entry("PriorityMailbox", "plain function", "priority must", lambda stage, value: PriorityMailbox(value)),
    Entry(
        "set_exception",
        "instance",
        "error must be a BaseException",
        lambda stage, value: Result().set_exception(value),
    ),
    Entry(
        "add_done_callback",
        "plain function",
        "callback must be a plain function",
        lambda stage, value: Result().add_done_callback(value),
    ),
    *(
        Entry(
            f"groups.{name}",
            "hashable",
            "hashable",
            lambda stage, value, name=name, more=more: getattr(stage.system.groups, name)(value, *more),
        )
        for name, *more in (["members"], ["monitor"], ["broadcast", 1])
    ),
    *(
        Entry(
            f"groups.{name}(ref)",
            "instance",
            "ActorRef",
            lambda stage, value, name=name: getattr(stage.system.groups, name)("g", value),
        )
        for name in ("join", "leave")
    ),
    Entry(
        "events.subscribe",
        "instance",
        "not a type of event",
        lambda stage, value: stage.system.events.subscribe(value),
    ),
    Entry(
        "events.subscribe(limit)",
        "count from 1",
        "limit must",
        lambda stage, value: stage.system.events.subscribe(DeadLetter, limit=value),
    ),
]


SUPERVISION = [
    *options(
        "Supervision",
        lambda stage, **options: Supervision(**options),
        {
            "strategy": ("instance", "strategy must be a Strategy"),
            "max_restarts": ("count", "max_restarts must"),
            "within": ("more than 0 seconds", "within must"),
            "backoff": ("instance or None", "backoff must be a Backoff"),
            "auto_shutdown": ("instance", "auto_shutdown must be an AutoShutdown"),
        },
    ),
    *options(
        "Backoff",
        lambda stage, **options: Backoff(**options),
        {
            "initial": ("seconds", "initial must"),
            "maximum": ("more than 0 seconds", "maximum must"),
            "factor": ("more than 0 seconds", "factor must"),
        },
    ),
    *options("child", lambda stage, **options: child(Silent, **options), SPAWN),
    Entry("child(factory)", "factory", "child takes", lambda stage, value: child(value)),
    Entry(
        "Supervisor", "iterable of instances", "children must|child", lambda stage, value: Supervisor(value)
    ),
    Entry("Supervisor([])", "instance", r"child\(", lambda stage, value: Supervisor([value])),
    Entry(
        "Supervisor(supervision)",
        "instance",
        "supervision must be a Supervision",
        lambda stage, value: Supervisor((), value),
    ),
    Entry(
        "start_child",
        "instance",
        r"child\(",
        lambda stage, value: stage.supervisor.call(Supervisor.start_child, value),
    ),
    *(
        Entry(
            name,
            "name",
            "name must",
            lambda stage, value, name=name: stage.supervisor.call(getattr(Supervisor, name), value),
        )
        for name in ("terminate_child", "restart_child", "delete_child")
    ),
]


# --- pools, and what stands on them --------------------------------------------------------------


@dataclass
class PoolStage:
    """An actor and a pool to call."""

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


def _topic(stage: PoolStage) -> Topic[Any]:
    return Topic(stage.system, "prices")


async def _delay(stage: PoolStage, kind: type[Actor[Any]], method: str, delay: Any) -> None:
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
    """A system with somebody in it."""
    async with ActorSystem() as system:
        yield Stage(system, await system.spawn(Obliging, name="it"), await system.spawn(Supervisor))


@table([*SYSTEM, *ACTORS, *SUPERVISION])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_wrong_argument_is_refused(entry: Entry, stage: Stage) -> None:
    await refuses(entry, stage)
    assert await stage.ref.ask(lambda context: context.name) == "it"


async def test_an_option_that_get_or_spawn_has_not_is_refused_whether_or_not_it_spawns(stage: Stage) -> None:
    for name in ("it", "new"):
        with pytest.raises(TypeError, match="get_or_spawn has no option 'mailbx'"):
            await stage.system.get_or_spawn(name, Silent, mailbx=Mailbox())


@pytest_asyncio.fixture
async def pool_stage() -> AsyncIterator[PoolStage]:
    """A system with an actor and a pool."""
    async with ActorSystem() as system:
        yield PoolStage(system, await system.spawn(Silent), await system.spawn_pool(Worker, size=1))


@table(FLOW)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_wrong_argument_of_a_pool_or_a_flow_is_refused(entry: Entry, pool_stage: PoolStage) -> None:
    await refuses(entry, pool_stage)
    assert await pool_stage.pool.submit(int) == 0
