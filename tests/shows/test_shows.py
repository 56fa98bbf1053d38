"""What the runtime has to show at scale, each with a small version that runs every time.

The figures are those of the requirements; `-s` prints what was measured.
"""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Overflow, Supervision
from actorio.testing import until
from tests.guarantees.actors import Held, Valve, outcome, soon, started
from tests.stage import ticks

ROOT = Path(__file__).parents[2]


def _scales(small: int, big: int) -> Any:
    return pytest.mark.parametrize(
        "count", [pytest.param(small, id="small"), pytest.param(big, id="show", marks=pytest.mark.show)]
    )


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.fixture
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the log away from pytest, which keeps its records and their exceptions."""
    monkeypatch.setattr(logging.getLogger("actorio"), "disabled", True)


# -- a million messages ----------------------------------------------------------------------------


class Checker(Actor[tuple[int, int]]):
    """Checks that each sender's messages come in order, none lost and none twice."""

    def __init__(self, senders: int) -> None:
        self.following = [0] * senders
        self.wrong = 0
        self.deepest = 0

    async def receive(self, message: tuple[int, int]) -> None:
        who, number = message
        self.wrong += number != self.following[who]
        self.following[who] = number + 1
        self.deepest = max(self.deepest, self.context.ref._mailbox.qsize())

    async def result(self) -> tuple[int, int, set[int]]:
        return self.wrong, self.deepest, set(self.following)


async def _send(ref: ActorRef[Checker], who: int, count: int) -> None:
    for number in range(count):
        await ref.send((who, number))


@_scales(20_000, 1_000_000)
async def test_a_million_messages_of_fifty_senders_through_a_mailbox_of_a_hundred(count: int) -> None:
    senders, capacity = 50, 100
    async with ActorSystem() as system:
        ref = await system.spawn(Checker, senders, mailbox=Mailbox(capacity))
        begin = time.perf_counter()
        await asyncio.wait([started(_send(ref, who, count // senders)) for who in range(senders)])
        wrong, deepest, following = await ref.call(Checker.result)
        print(f"{count:,} messages: {count / (time.perf_counter() - begin):,.0f} a second")
        assert (wrong, following) == (0, {count // senders})
        assert deepest <= capacity
        assert ref.statistics().peak <= capacity
        assert ref.statistics().handled == count + 1


# -- crash and restart -----------------------------------------------------------------------------


class Crashing(Actor[bytes]):
    """Fails in each message."""

    async def receive(self, message: bytes) -> None:
        raise ValueError("crash", message)


class Keeper(Actor[Any]):
    """Restarts its child for ever; a budget has to remember each restart of its window, so that is short."""

    supervision = Supervision(max_restarts=1_000_000_000, within=0.001)

    async def receive(self, message: Any) -> ActorRef[Any]:
        return await self.context.spawn(Crashing)


async def _crash(ref: ActorRef[Any], count: int) -> None:
    for _ in range(count):
        await ref.send(b"x" * 1_000)
    await until(lambda: ref.statistics().depth == 0)


@_scales(2_000, 100_000)
async def test_a_hundred_thousand_crash_restarts_take_less_than_a_megabyte(count: int, no_log: None) -> None:
    async with ActorSystem() as system:
        keeper = await system.spawn(Keeper)
        ref = await keeper.ask("spawn")
        await _crash(ref, 2_000)
        gc.collect()
        before, objects = resident(), len(gc.get_objects())
        await _crash(ref, count)
        gc.collect()
        grown, more = resident() - before, len(gc.get_objects()) - objects
        print(f"{count:,} restarts: {grown:,} bytes, {more} objects more")
        assert ref.statistics().restarts >= count + 1_999
        assert grown < 1_000_000
        assert more < 500


@_scales(500, 10_000)
async def test_the_last_of_many_failures_is_not_chained_to_those_before(count: int, no_log: None) -> None:
    async with ActorSystem() as system:
        failures = system.events.subscribe(limit=10)
        keeper = await system.spawn(Keeper)
        ref = await keeper.ask("spawn")
        await _crash(ref, count)
        await system.shutdown()
        errors = [event.error async for event in failures if hasattr(event, "message")]
    error: BaseException | None = errors[-1]
    depth = 0
    while error is not None:
        depth += 1
        error = error.__context__ or error.__cause__
    assert depth <= 3


# -- idle actors -----------------------------------------------------------------------------------

IDLE = """
import asyncio, gc, resource, sys
from pathlib import Path
from actorio import Actor, ActorSystem

class Idle(Actor):
    async def receive(self, message):
        return message

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

async def main(count, ask):
    async with ActorSystem() as system:
        refs = [await system.spawn(Idle) for _ in range(100)]
        gc.collect()
        before = resident()
        refs = []
        for _ in range(count):
            refs.append(await system.spawn(Idle))
            if ask:
                await refs[-1].ask(1)
        gc.collect()
        print((resident() - before) / count, flush=True)

asyncio.run(main(int(sys.argv[1]), sys.argv[2] == "ask"))
"""
MOST_BYTES = {"new": 2_000, "ask": 3_500}
"""A fresh process measures; one that has had a message keeps its task and its deque."""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the resident memory is read from /proc")
@pytest.mark.parametrize("state", ["new", "ask"])
@_scales(3_000, 100_000)
def test_an_idle_actor_takes_at_most_two_thousand_bytes(count: int, state: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IDLE, str(count), state],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))
        },  # neither debug mode nor coverage, which both cost memory
    )
    each = float(done.stdout)
    print(f"{count:,} idle actors ({state}): {each:,.0f} bytes each")
    assert each <= MOST_BYTES[state]


# -- stopping under load ---------------------------------------------------------------------------


@_scales(5_000, 100_000)
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_stop_with_a_hundred_thousand_queued_is_seen_after_the_current_message(
    count: int, end: str
) -> None:
    async with ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(None))
        for number in range(count):
            ref.send_nowait(number)
        await valve.entered.wait()
        getattr(ref, end)()
        valve.open.set()
        begin = time.perf_counter()
        await ref.join()
        took = time.perf_counter() - begin
        print(f"{end} with {count:,} queued: {took * 1_000:.1f} ms")
        assert valve.begun == [0]
        assert valve.finished == ([0] if end == "stop" else [])
        assert took < 1.0


@_scales(500, 50_000)
async def test_a_slow_consumer_with_a_hundred_thousand_waiting_senders_stays_at_its_capacity(
    count: int,
) -> None:
    async with ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(100, overflow=Overflow.WAIT))
        waiting = [started(outcome(ref.send(number))) for number in range(count)]
        await ticks(3)
        assert ref.statistics().depth <= 100
        valve.open.set()
        await asyncio.wait(waiting)
        await until(lambda: len(valve.finished) == count)
        assert ref.statistics().peak <= 100
    assert valve.finished == list(range(count))


# -- many asks -------------------------------------------------------------------------------------


@_scales(2_000, 100_000)
async def test_a_hundred_thousand_asks_with_timeouts_leave_no_timer(count: int) -> None:
    async with ActorSystem() as system:
        valve = Valve()
        valve.open.set()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(None))
        for _ in range(count // 1_000):
            asks = [started(ref.ask(number, timeout=3_600)) for number in range(1_000)]
            assert [await ask for ask in asks] == list(range(1_000))
        assert len(system._runtime.timers) == 0
        assert len(system._runtime.timers._heap) < 10_000


# -- a deep tree -----------------------------------------------------------------------------------


class Deep(Actor[Any]):
    """Spawns one below itself when asked."""

    async def receive(self, message: Any) -> ActorRef[Any]:
        return await self.context.spawn(Deep, shutdown=None)


@_scales(1_200, 5_000)
@pytest.mark.parametrize("end", ["stop", "kill", "close"])
async def test_a_tree_five_thousand_deep_ends_without_recursion(count: int, end: str) -> None:
    async with soon(), ActorSystem() as system:
        top: ActorRef[Any] = await system.spawn(Deep)
        ref = top
        for _ in range(count):
            ref = await ref.ask("deeper")
        getattr(top, end)()
        await top.join()
        assert not ref.is_alive
