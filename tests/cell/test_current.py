"""`actorio.current_actor()` names whose code runs, and nobody where it is nobody's."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, ExitReason, Terminated, Worker, current_actor, interleave


class Noting(Actor[Any]):
    """Notes who it is wherever its code runs."""

    seen: dict[str, Any]

    def __init__(self, seen: dict[str, Any]) -> None:
        self.seen = seen

    def note(self, where: str) -> None:
        self.seen[where] = current_actor()

    async def on_start(self) -> None:
        self.note("on_start")
        self.context.start_soon(self.task)
        self.context.add_source(self.source())
        self.context.pipe(self.piped())

    async def task(self) -> None:
        self.note("start_soon")
        await asyncio.sleep(0)
        self.note("start_soon, later")
        asyncio.get_running_loop().call_soon(self.note, "call_soon")

    async def source(self) -> AsyncIterator[int]:
        self.note("source")
        yield 1

    async def piped(self) -> int:
        self.note("pipe")
        return 2

    async def receive(self, message: Any) -> None:
        self.note("receive")
        await asyncio.sleep(0)
        self.note("receive, later")
        await asyncio.ensure_future(self.other())

    async def other(self) -> None:
        self.note("a task of its own")

    @interleave
    async def beside(self) -> None:
        self.note("interleaved")
        await asyncio.sleep(0)
        self.note("interleaved, later")

    async def on_terminated(self, event: Terminated) -> None:
        self.note("on_terminated")

    async def on_stop(self, reason: ExitReason) -> None:
        self.note("on_stop")


NOBODY = {"call_soon", "a task of its own"}


async def test_it_is_the_actor_in_turns_hooks_and_owned_tasks_and_nobody_elsewhere() -> None:
    seen: dict[str, Any] = {}
    async with ActorSystem() as system:
        ref = await system.spawn(Noting, seen)
        other = await system.spawn(Noting, {})
        ref._cell.watch(other._cell)
        await ref.ask(1)
        await ref.call(Noting.beside)
        other.stop()
        await other.join()
        await ref.ask(2)
        assert current_actor() is None
    assert {where for where, who in seen.items() if who is None} == NOBODY
    assert {where for where, who in seen.items() if who == ref} == {
        *("on_start", "start_soon", "start_soon, later", "source", "pipe", "receive", "receive, later"),
        *("interleaved", "interleaved, later", "on_terminated", "on_stop"),
    }


async def test_a_plain_hook_knows_its_actor() -> None:
    class Plain(Actor[Any]):
        def on_start(self) -> None:  # type: ignore[override]
            seen.append(current_actor())

        def receive(self, message: Any) -> None:
            seen.append(current_actor())

    seen: list[ActorRef[Any] | None] = []
    async with ActorSystem() as system:
        ref = await system.spawn(Plain)
        await ref.send(1)
    assert seen == [ref, ref]


async def test_the_thread_of_a_worker_knows_its_worker_and_no_other_thread_does() -> None:
    def look() -> tuple[Any, Any]:
        elsewhere: list[Any] = []
        thread = threading.Thread(
            target=contextvars.copy_context().run, args=(lambda: elsewhere.append(current_actor()),)
        )
        thread.start()
        thread.join()
        return current_actor(), elsewhere[0]

    async with ActorSystem() as system:
        one = await system.spawn(Worker, "thread")
        assert await one.submit(look) == (one, None)
        two = await system.spawn(Worker, "thread")
        assert await two.submit(look) == (two, None)
    assert await asyncio.to_thread(current_actor) is None
