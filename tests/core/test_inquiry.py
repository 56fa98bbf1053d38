"""An inquiry: a message from elsewhere, whose sender is told by a callback."""

from __future__ import annotations

import asyncio
from typing import Any

from actorio import Actor, ActorStoppedError, ActorSystem, Mailbox
from actorio._core.inquiry import CalledInquiry, Inquiry


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.changed = asyncio.Event()

    def _say(self, *what: Any) -> None:
        self.said.append(what)
        self.changed.set()

    async def until(self, count: int) -> None:
        while len(self.said) < count:
            await self.changed.wait()
            self.changed.clear()

    def admitted(self, inquiry: Inquiry) -> None:
        self._say("admitted", inquiry.tag)

    def refused(self, inquiry: Inquiry, error: BaseException) -> None:
        self._say("refused", type(error))

    def replied(self, inquiry: Inquiry, value: Any) -> None:
        self._say("replied", value)

    def failed(self, inquiry: Inquiry, error: BaseException) -> None:
        self._say("failed", type(error))

    def withdrawn(self, inquiry: Inquiry, *, in_line: bool) -> None:
        self._say("withdrawn", in_line)


class Echo(Actor[Any]):
    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.gate = asyncio.Event()

    async def receive(self, message: Any) -> Any:
        self.seen.append(message)
        if message == "wait":
            await self.gate.wait()
        if message == "fail":
            raise ValueError(message)
        return message

    async def shout(self, text: str) -> str:
        return text.upper()


async def test_an_inquiry_is_answered_by_what_the_handler_returns_or_raises() -> None:
    async with ActorSystem() as system:
        cell, told = (await system.spawn(Echo))._cell, Told()
        for message in ("hello", "fail"):
            assert cell.put(Inquiry(cell, message, told, asks=True))
        assert cell.put(CalledInquiry(cell, (Echo.shout, ("hey",), {}), told, asks=True))
        await told.until(3)
    assert told.said == [("replied", "hello"), ("failed", ValueError), ("replied", "HEY")]


async def test_an_inquiry_that_nobody_waits_for_does_not_run() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo, mailbox=Mailbox(2))
        cell, told = ref._cell, Told()
        await ref.send("wait")
        await asyncio.sleep(0)
        late = Inquiry(cell, "late", told, asks=True, deadline=0.0)
        taken, waiting = Inquiry(cell, "taken", told, asks=True), Inquiry(cell, "waiting", told, asks=True)
        assert cell.put(late)
        assert cell.put(taken)
        assert not cell.put(waiting)
        cell.queue_up(waiting, waiting)
        waiting.withdraw()
        taken.withdraw()
        assert told.said == [("withdrawn", True), ("withdrawn", False)]
        cell.instance.gate.set()
        assert await ref.ask("last") == "last"
        assert cell.instance.seen == ["wait", "last"]
    assert told.said[2:] == [("withdrawn", False)]


async def test_an_inquiry_in_line_is_admitted_or_refused() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo, mailbox=Mailbox(1))
        cell, told = ref._cell, Told()
        await ref.send("wait")
        await asyncio.sleep(0)
        await ref.send("fills it")
        first, second = (Inquiry(cell, text, told, asks=True, tag=text) for text in ("first", "second"))
        for inquiry in (first, second):
            assert not cell.put(inquiry)
            cell.queue_up(inquiry, inquiry)
        cell.instance.gate.set()
        await told.until(1)
        ref.stop()
        await ref.join()
    assert ("refused", ActorStoppedError) in told.said or ("replied", "second") in told.said
