"""O6: a trace is whole and in order, and afterwards the actor is as fast as before."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, Mailbox, interleave
from actorio.inspection import Letter, TraceEvent
from actorio.inspection import trace as trace_module


class Echo(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError(message)
        if isinstance(message, float):
            await asyncio.sleep(message)
        return message

    @interleave
    async def beside(self) -> int:
        return 1


class Sender(Actor[Any]):
    async def receive(self, message: ActorRef[Echo]) -> None:
        await message.send("from an actor")


async def read(trace: Any, until: str) -> list[TraceEvent]:
    """Read up to an event of that kind."""
    events: list[TraceEvent] = []
    async with asyncio.timeout(10):
        async for event in trace:
            events.append(event)
            if event.kind == until:
                return events
    return events


def kinds(events: list[TraceEvent]) -> list[tuple[str, int | None]]:
    return [(event.kind, event.number) for event in events]


async def test_o6_each_message_is_followed_through_the_actor() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        sender: Any = await system.spawn(Sender, name="sender")
        async with system.inspect(ref).trace() as trace:
            await ref.ask("first")
            await sender.ask(ref)
            await asyncio.sleep(0.01)
            ref.stop()
            events = await read(trace, "stopped")
        assert kinds(events)[:4] == [("accepted", 1), ("begun", 1), ("answered", 1), ("ended", 1)]
        assert kinds(events)[4:7] == [("accepted", 2), ("begun", 2), ("ended", 2)]
        assert [event.kind for event in events[-2:]] == ["requested", "stopped"]
        assert [event.sender for event in events[4:6]] == ["/sender", "/sender"]
        assert events[0].letter == Letter("ask", "str", None)
        assert all(event.letter == events[0].letter for event in events[:4])
        ended = events[3]
        assert ended.took is not None
        assert ended.took >= 0
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert "first" not in "".join(event.text for event in events)


async def test_o6_with_values_the_texts_have_contents() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        async with system.inspect(ref).trace(values=True) as trace:
            await ref.ask({"password": "canary", "name": "anna"})
            events = await read(trace, "ended")
        texts = " ".join(event.text for event in events)
        assert "anna" in texts
        assert "canary" not in texts


async def test_o6_failures_restarts_dead_letters_and_suspensions_are_told() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        inspector = system.inspect(ref)
        async with inspector.trace() as trace:
            await ref.send("fail")
            await ref.ask("after")
            await inspector.suspend()
            await ref.send("lost")
            inspector.resume()
            await inspector.suspend()
            await ref.send("lost too")
            ref.stop()
            events = await read(trace, "stopped")
        told = [event.kind for event in events]
        for kind in ("failed", "restarted", "suspended", "resumed", "dead_letter", "stopped"):
            assert kind in told, kind
        failed = next(event for event in events if event.kind == "failed")
        assert failed.number == 1
        assert "ValueError" in failed.text
        lost = next(event for event in events if event.kind == "dead_letter")
        assert lost.number == next(
            event.number for event in events if event.kind == "accepted" and event.number == lost.number
        )


async def test_o6_calls_beside_the_turns_are_told() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        async with system.inspect(ref).trace() as trace:
            await ref.call(Echo.beside)
            events = await read(trace, "ended")
        assert [event.kind for event in events] == ["begun", "answered", "ended"]
        assert {event.letter for event in events} == {Letter("call", "Echo.beside", None)}


async def test_o6_two_traces_at_once_see_the_same() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        inspector = system.inspect(ref)
        async with inspector.trace() as one, inspector.trace() as two:
            for number in range(20):
                await ref.ask(number)
            ref.stop()
            assert await read(one, "stopped") == await read(two, "stopped")


async def test_o6_it_ends_after_its_limit_its_lease_and_its_block() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        async with system.inspect(ref).trace(limit=3) as trace:
            for number in range(5):
                await ref.ask(number)
            assert len([event async for event in trace]) == 3
        async with system.inspect(ref).trace(lease=0.01) as trace:
            assert [event async for event in trace] == []
        async with system.inspect(ref).trace() as trace:
            await ref.ask(1)
        assert len([event async for event in trace]) == 4
        await ref.ask(2)
        assert [event async for event in trace] == []


async def test_o6_afterwards_nobody_is_told_and_the_mailbox_has_its_fast_path_again() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.ask(0)
        cell = ref._cell
        before = (cell.mailbox.limit, cell.mailbox.observed, cell.observers.turns, cell.observers.arrivals)
        async with system.inspect(ref).trace():
            await ref.ask(1)
            assert cell.observers.arrivals
        await ref.ask(2)
        assert (
            cell.mailbox.limit,
            cell.mailbox.observed,
            cell.observers.turns,
            cell.observers.arrivals,
        ) == before


async def test_o2_a_slow_reader_loses_events_which_are_counted() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        async with system.inspect(ref).trace(limit=10_000) as trace:
            for number in range(200):
                await ref.ask(number)
        events = [event async for event in trace]
        assert (len(events), trace.dropped) == (256, 800 - 256)


async def test_o2_a_kill_with_much_mail_takes_no_longer_for_each_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    class Counted(trace_module._Traced):
        @property
        def message(self) -> Any:  # type: ignore[override]
            nonlocal looks
            looks += 1
            return self.kept

        @message.setter
        def message(self, message: Any) -> None:
            self.kept = message

    monkeypatch.setattr(trace_module, "_Traced", Counted)
    async with ActorSystem() as system:
        ref = await system.spawn(Echo, mailbox=Mailbox(None))
        async with system.inspect(ref).trace(limit=10_000) as trace:
            for number in range(500):
                ref.send_nowait(f"lost {number}")
            ref.kill()
            await ref.join()
            assert trace.dropped > 500
    assert looks <= 1000


async def test_what_was_in_the_mailbox_before_is_numbered_when_it_begins() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.send(0.02)
        await asyncio.sleep(0)
        await ref.send("before")
        async with system.inspect(ref).trace() as trace:
            await ref.ask("after")
            events = await read(trace, "answered")
        begun = [(event.number, event.letter, event.sender) for event in events if event.kind == "begun"]
        assert begun == [(2, Letter("send", "str", None), None), (1, Letter("ask", "str", None), None)]


async def test_a_trace_of_an_actor_that_has_ended_is_refused() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        inspector = system.inspect(ref)
        ref.stop()
        await ref.join()
        with pytest.raises(ActorStoppedError):
            inspector.trace()
