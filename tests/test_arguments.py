"""An argument of the wrong kind is refused at the call, by an error that names what was expected."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from actorio import (
    ActorSystem,
    Backoff,
    DeadLetter,
    Mailbox,
    PriorityMailbox,
    Restart,
    Result,
    Supervision,
    Supervisor,
    child,
    run,
)
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
