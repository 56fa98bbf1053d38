"""Ctrl-C without `handle_signals`: it comes out at once in user code, and never in the middle of the machinery."""

import asyncio
import heapq
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from actorio._core.acceleration import core_is_compiled
from actorio._core.run_queue import RunQueue, Waiter
from actorio._tree.keyboard_interrupt import is_in_machinery
from tests.guarantees.actors import soon

ROOT = Path(__file__).parents[2]

RING = """
import asyncio, signal, sys
import actorio
from actorio import Actor, ActorSystem

class Ring(Actor):
    async def receive(self, message):
        if isinstance(message, tuple):
            self.peer = message[0]
        else:
            await self.peer.send(message)

class Parent(Actor):
    async def on_start(self):
        kids = [await self.context.spawn(Ring) for _ in range(10)]
        for kid, peer in zip(kids, [*kids[1:], kids[0]]):
            await kid.send((peer,))
        for number in range(5):
            await kids[0].send(number)

async def main():
    async with ActorSystem(shutdown_timeout=0.5) as system:
        for _ in range(3):
            await system.spawn(Parent)
        print("ready", flush=True)
        await asyncio.Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
(asyncio.run(main()) if sys.argv[1] == "asyncio" else actorio.run(main))
"""


# A Ctrl-C in the middle of uvloop's own start or stop leaves a loop that it then refuses to close: the process ends all
# the same, by that error of uvloop's and not by the signal.
ENDED = {"asyncio": {-signal.SIGINT}, "uvloop": {-signal.SIGINT, 1}}


def press_thrice(loop: str, pause: float) -> int:
    """Start a busy program, press Ctrl-C three times, and return its exit status."""
    program = subprocess.Popen(
        [sys.executable, "-c", RING, loop],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        for _ in range(3):
            program.send_signal(signal.SIGINT)
            threading.Event().wait(pause)
        try:
            return program.wait(30)
        finally:
            program.kill()


@pytest.mark.parametrize("pause", [0.0005, 0.002])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_three_interrupts_in_a_row_end_a_busy_process(loop: str, pause: float) -> None:
    assert press_thrice(loop, pause) in ENDED[loop]


@pytest.mark.long
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_three_interrupts_in_a_row_end_a_busy_process_a_hundred_times(loop: str) -> None:
    assert {press_thrice(loop, number * 0.00003) for number in range(100)} <= ENDED[loop]


def here() -> FrameType | None:
    return sys._getframe(1)


async def test_user_code_is_no_machinery() -> None:
    frames: list[FrameType | None] = []

    class Looking(Actor[Any]):
        async def receive(self, message: Any) -> None:
            frames.append(here())
            sorted([1], key=lambda _: frames.append(here()) or 0)

    async with soon(), ActorSystem() as system:
        await (await system.spawn(Looking)).ask(1)
        assert [is_in_machinery(frame) for frame in frames] == [False, False]
    assert not is_in_machinery(None)


def test_the_machinery_with_what_it_calls_of_the_library_is_machinery() -> None:
    seen: list[bool] = []

    class Frame:
        def __init__(self, path: str, back: Any = None) -> None:
            self.f_code = type("Code", (), {"co_filename": path})
            self.f_back = back

    ours = Frame(RunQueue.of.__code__.co_filename)
    theirs = Frame(__file__, ours)
    for frame in (
        ours,
        Frame(logging.__file__, ours),
        Frame(heapq.__file__, theirs),
        theirs,
        Frame(asyncio.base_events.__file__, theirs),
    ):
        seen.append(is_in_machinery(frame))  # type: ignore[arg-type]
    assert seen == [True, True, False, False, True]


async def test_what_was_there_for_an_interrupt_is_put_back(heeding: None) -> None:
    before = signal.getsignal(signal.SIGINT)
    async with soon(), ActorSystem(), ActorSystem():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def heeding() -> Iterator[None]:
    """Heed interrupts, which a shell has its background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ignoring() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_ignored_interrupt_stays_ignored(ignoring: None) -> None:
    async def main() -> Any:
        async with ActorSystem():
            return signal.getsignal(signal.SIGINT)

    assert asyncio.run(main()) is signal.SIG_IGN


@pytest.mark.skipif(core_is_compiled, reason="no signal comes out between two lines of C")
async def test_an_interrupt_as_a_task_is_about_to_be_woken_loses_no_wake_up() -> None:
    """Planted where a signal may come out: in the run queue, when the waiter is taken off and not yet called."""
    queue = RunQueue(asyncio.get_running_loop())
    waiter = Waiter(queue)

    async def wait() -> str:
        await waiter
        return "woken"

    task = asyncio.get_running_loop().create_task(wait())
    await asyncio.sleep(0)
    waiter.wake()
    with pytest.raises(KeyboardInterrupt):
        interrupted_when(lambda line: line.get("waiter") is waiter and waiter.callback is None, queue._run)
    async with soon():
        assert await task == "woken"


def interrupted_when(condition: Any, call: Any) -> None:
    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and frame.f_code is RunQueue._pass.__code__ and condition(frame.f_locals):
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
