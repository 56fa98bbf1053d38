"""Signals: what was installed before is put back, in any order; the count needs no event loop."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.testing import simulate
from tests.guarantees.actors import soon

ROOT = Path(__file__).parents[2]
NUMBERS = (signal.SIGINT, signal.SIGTERM)


def installed() -> list[Any]:
    return [signal.getsignal(number) for number in NUMBERS]


def mine(number: int, frame: FrameType | None) -> None:
    """Stands for the handler of an application."""


@pytest.fixture
def application_handler() -> Any:
    before = signal.signal(signal.SIGTERM, mine)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("application_handler")
async def test_an_applications_handler_and_that_of_asyncio_run_are_put_back() -> None:
    before = installed()
    assert mine in before
    async with soon(), ActorSystem(handle_signals=True):
        assert not set(installed()) & set(before)
    assert installed() == before


@pytest.mark.usefixtures("application_handler")
@pytest.mark.parametrize("first_to_end", ["outer", "inner"])
async def test_two_systems_give_the_signals_back_whichever_ends_first(first_to_end: str) -> None:
    async with contextlib.AsyncExitStack() as outer, contextlib.AsyncExitStack() as inner:
        before = installed()
        await outer.enter_async_context(ActorSystem(handle_signals=True))
        of_outer = installed()
        await inner.enter_async_context(ActorSystem(handle_signals=True))
        of_inner = installed()
        if first_to_end == "outer":
            await outer.aclose()
            assert installed() == of_inner
            await inner.aclose()
        else:
            await inner.aclose()
            assert installed() == of_outer
            await outer.aclose()
        assert installed() == before


async def test_a_handler_that_is_installed_in_the_block_stays() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        heard: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        async with soon(), ActorSystem(handle_signals=True):
            ours = signal.signal(signal.SIGTERM, mine)
        assert signal.getsignal(signal.SIGTERM) is mine
        signal.signal(signal.SIGTERM, ours)  # as whoever was in the block may do once it is over
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_an_outer_system_ends_by_a_signal_after_an_inner_one_has_ended() -> None:
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem(handle_signals=True):
            async with ActorSystem(handle_signals=True):
                pass
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
    assert caught.value.code == 128 + signal.SIGTERM


def test_a_simulated_system_takes_simulated_signals_and_leaves_those_of_the_process() -> None:
    seen = []

    async def main() -> None:
        seen.append(installed())
        async with ActorSystem(handle_signals=True):
            seen.append(installed())
            asyncio.get_running_loop().deliver_signal(signal.SIGTERM)  # type: ignore[attr-defined]
            await asyncio.Event().wait()

    before = installed()
    run = simulate(main)
    assert isinstance(run.error, SystemExit)
    assert run.error.code == 128 + signal.SIGTERM
    assert seen == [before, before]


async def test_where_there_is_a_ctrl_break_it_ends_a_system_too(monkeypatch: pytest.MonkeyPatch) -> None:
    number = signal.SIGUSR1  # stands for the signal of Windows, which sends no SIGTERM
    monkeypatch.setattr(signal, "SIGBREAK", number, raising=False)
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem(handle_signals=True):
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) == before


COMPUTING = """
import asyncio, sys
import actorio
from actorio import Actor, ActorSystem

class Computing(Actor):
    async def receive(self, message):
        print("computes", flush=True)
        while True:
            pass

async def main():
    async with ActorSystem(handle_signals=True) as system:
        ref = await system.spawn(Computing)
        await ref.ask("go")

(asyncio.run(main()) if sys.argv[1] == "asyncio" else actorio.run(main))
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_the_third_signal_exits_a_process_whose_loop_is_held_up(number: signal.Signals, loop: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", COMPUTING, loop], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "computes\n"
        for _ in range(200):  # two that come at once count as one, so their number is not three but some
            program.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(0.1)
                break
        else:
            program.kill()
        assert program.returncode == 128 + number
