"""The far cell: a ref of it works as any other, over a line that is a list here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    DeadLetter,
    ExitReason,
    NotLocalError,
    Terminated,
)
from actorio._cell.far import FarCell
from actorio._cell.states import Intent
from actorio._core.envelope import payload


class ListLine:
    """A line that keeps what it is given."""

    window = 2
    ask_timeout = 30.0

    def __init__(self) -> None:
        self.busy: dict[FarCell, None] = {}
        self.posted: list[Any] = []
        self.withdrawn: list[Any] = []
        self.watched = 0
        self.ended: list[int] = []
        self.serial = 0

    def node_of(self, cell: FarCell) -> str | None:
        return "b"

    def encode(self, cell: FarCell, item: Any) -> Any:
        if isinstance(payload(item), set):
            raise TypeError("sets do not cross")
        return repr(payload(item))

    def has_room(self, cell: FarCell) -> bool:
        return True

    def post(self, cell: FarCell, outgoing: Any) -> None:
        self.posted.append(outgoing)

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def withdraw(self, cell: FarCell, request: Any, serial: int) -> None:
        self.withdrawn.append(serial)

    def watch(self, cell: FarCell) -> None:
        self.watched += 1

    def end(self, cell: FarCell, intent: int) -> None:
        self.ended.append(intent)


def far(system: ActorSystem) -> tuple[FarCell, ListLine]:
    line = ListLine()
    return FarCell(system._runtime, line, 1, "/shop/till"), line


async def test_a_far_ref_says_where_it_is_and_what_it_cannot() -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        ref = cell.ref
        assert (ref.name, ref.path, ref.node, ref.is_local, ref.is_alive) == (
            "till",
            "/shop/till",
            "b",
            False,
            True,
        )
        assert cell.ref is ref
        for call in (lambda: ref.submit(print), lambda: ref.submit_threadsafe(print), ref.statistics):
            with pytest.raises(NotLocalError):
                call()
        ref.close()
        ref.stop()
        ref.kill()
        assert line.ended == [Intent.CLOSE, Intent.STOP, Intent.KILL]


async def test_a_send_beyond_the_window_waits_in_line_and_keeps_its_place() -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        for number in range(3):
            cell.ref.send(number)
        waiting = asyncio.ensure_future(cell.ref.send(3))
        await asyncio.sleep(0)
        assert [payload(item) for _, item, _ in line.posted] == [0, 1]
        cell.taken(1)
        assert [payload(item) for _, item, _ in line.posted] == [0, 1, 2]
        cell.taken(1)
        await waiting
        assert [payload(item) for _, item, _ in line.posted] == [0, 1, 2, 3]
        cell.taken(2)
        assert not line.busy


async def test_what_cannot_be_encoded_is_refused_at_the_call() -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        with pytest.raises(TypeError, match="sets do not cross"):
            cell.ref.send({1})
        with pytest.raises(TypeError, match="sets do not cross"):
            await cell.ref.ask({1})
        assert line.posted == []


async def test_an_ask_that_was_sent_times_out_without_knowing_whether_it_ran() -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        with pytest.raises(AskTimeoutError) as caught:
            await cell.ref.ask("total", timeout=0.01)
        assert caught.value.started is None
        assert line.withdrawn == [1]
        assert cell.asks == {}


async def test_an_ask_that_still_waits_in_line_has_not_begun() -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        cell.ref.send(1)
        cell.ref.send(2)
        with pytest.raises(AskTimeoutError) as caught:
            await cell.ref.ask("total", timeout=0.01)
        assert caught.value.started is False
        assert line.withdrawn == []


async def test_a_watcher_and_a_joiner_are_told_of_the_end_of_a_far_actor_once() -> None:
    told: list[Terminated] = []

    class Watcher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.context.watch(message)

        async def on_terminated(self, event: Terminated) -> None:
            told.append(event)

    class Linker(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.context.link(message)

    async with ActorSystem() as system:
        cell, line = far(system)
        ref = cell.ref
        watcher = await system.spawn(Watcher)
        await watcher.send(ref)
        await watcher.call(Watcher.receive, ref)
        join = asyncio.ensure_future(ref.join())
        await asyncio.sleep(0)
        assert line.watched == 3
        cell.end(ExitReason.LOST)
        cell.end(ExitReason.NORMAL)
        assert (await join).reason is ExitReason.LOST
        await watcher.call(Watcher.receive, ref)
        await watcher.ask(ref)
        assert [event.reason for event in told] == [ExitReason.LOST] * len(told)
        linker = await system.spawn(Linker)
        with pytest.raises(NotLocalError):
            await linker.ask(cell.ref)


async def test_the_end_of_a_far_actor_frees_its_alias_and_refuses_what_waits() -> None:
    async with ActorSystem() as system, system.events.subscribe(DeadLetter) as dead:
        cell, _ = far(system)
        ref = cell.ref
        system.register("till", ref)
        system.groups.join("tills", ref)
        assert system.lookup("till") is ref
        for number in range(2):
            ref.send(number)
        sending = ref.send(2)
        cell.end(ExitReason.LOST)
        assert system.groups.members("tills") == ()
        with pytest.raises(ActorStoppedError) as caught:
            await sending
        assert caught.value.undelivered == 2
        with pytest.raises(ActorStoppedError):
            await ref.ask(3)
        cell.refuse(cell.not_taken(1), ActorStoppedError(ref), "unknown")
        event = await anext(aiter(dead))
        assert (event.message, event.reason) == (0, "unknown")
