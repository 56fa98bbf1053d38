"""Guarantee 21: SystemExit and KeyboardInterrupt in a handler end the system, and are raised from the block."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import contextlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError, ActorSystem, Restart
from tests.guarantees.actors import outcome, soon, started
from tests.stage import ticks, until

ROOT = Path(__file__).parents[2]


class Exiting(Actor[Any]):
    """Exits at the place that it is told."""

    def __init__(self, log: list[str], place: str = "", error: BaseException | None = None) -> None:
        self.log = log
        self.place = place
        self.error = error

    def exit_in(self, place: str) -> None:
        if place == self.place and self.error is not None:
            raise self.error

    async def on_start(self) -> None:
        self.log.append(f"{self.context.name} starts")
        self.exit_in("on_start")

    async def receive(self, message: Any) -> None:
        if message == "background":
            self.context.start_soon(self.background)
            return
        if message == "plain":
            await ticks(1)
        self.exit_in("receive")

    async def method(self) -> None:
        self.exit_in("receive")

    async def background(self) -> None:
        await ticks(1)
        self.exit_in("background")

    async def on_stop(self, reason: Any) -> None:
        await ticks(2)
        self.log.append(f"{self.context.name} stops")
        self.exit_in("on_stop")


IN_ORDER = ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("way", ["send", "ask", "call", "submit", "background", "on_stop"])
@pytest.mark.parametrize("restart", list(Restart))
async def test_guarantee_21_an_exit_anywhere_ends_all_in_order_and_is_raised_from_the_block(
    error: BaseException, way: str, restart: Restart
) -> None:
    log: list[str] = []
    place = way if way in {"background", "on_stop"} else "receive"
    told: Any = None
    with pytest.raises(type(error)) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Exiting, log, name="a")
            ref = await system.spawn(Exiting, log, place, error, name="b", restart=restart)
            await system.spawn(Exiting, log, name="c")
            if way != "on_stop":
                asks = {
                    "send": lambda: ref.send("plain"),
                    "ask": lambda: ref.ask("plain"),
                    "call": lambda: ref.call(Exiting.method),
                    "submit": lambda: ref.submit(_raise, error),
                    "background": lambda: ref.send("background"),
                }
                told = await outcome(started(outcome(asks[way]())))
                await asyncio.Event().wait()
    assert caught.value is error
    assert sorted(log[3:]) == sorted(IN_ORDER[3:])
    assert log[:3] == IN_ORDER[:3]
    assert log[-1] == "a stops"
    assert told is None or isinstance(told, ActorStoppedError)


def _raise(error: BaseException) -> None:
    raise error


class Odd(BaseException):
    """Neither an error nor an exit."""


@pytest.mark.parametrize("error", [Odd(), GeneratorExit(), BaseExceptionGroup("some", [Odd()])])
@pytest.mark.parametrize("way", ["ask", "submit"])
async def test_guarantee_21_what_is_neither_an_error_nor_an_exit_fails_its_actor_alone(
    error: BaseException, way: str
) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Exiting, [], "receive", error)
        answer = await outcome(ref.ask("plain") if way == "ask" else ref.submit(_raise, error))
        assert isinstance(answer, ActorStoppedError)
        await until(lambda: ref.state == "running")
        assert ref.statistics().restarts == 1


async def test_guarantee_21_an_exit_of_on_start_is_raised_from_the_block() -> None:
    log: list[str] = []
    error = SystemExit(3)
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Exiting, log, name="a")
            await system.spawn(Exiting, log, "on_start", error, name="b")
    assert caught.value is error
    assert log[-1] == "a stops"


async def test_guarantee_21_an_exit_of_a_child_ends_the_whole_system() -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> None:
            child = await self.context.spawn(Exiting, log, "receive", error, name="child")
            await child.send("plain")

        async def on_stop(self, reason: Any) -> None:
            log.append("parent stops")

    log: list[str] = []
    error = SystemExit("bye")
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            parent = await system.spawn(Parent)
            await parent.send("go")
            await asyncio.Event().wait()
    assert caught.value is error
    assert log == ["child starts", "child stops", "parent stops"]


async def test_guarantee_21_the_first_exit_of_several_is_the_one() -> None:
    class Noting(Exiting):
        def exit_in(self, place: str) -> None:
            if place == self.place:
                raised.append(self.error)
            super().exit_in(place)

    raised: list[BaseException | None] = []
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            refs = [await system.spawn(Noting, [], "receive", SystemExit(index)) for index in range(3)]
            for ref in refs:
                await ref.send("plain")
            await asyncio.Event().wait()
    assert caught.value is raised[0]
    assert len(raised) == 3


async def test_guarantee_21_an_exit_of_the_body_is_before_those_of_the_end_that_it_begins() -> None:
    own = SystemExit("the body's")
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Exiting, [], "on_stop", KeyboardInterrupt())
            raise own
    assert caught.value is own


async def test_guarantee_21_a_cancel_of_the_end_does_not_hide_an_exit_of_the_body() -> None:
    class Cancelling(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            main.cancel()
            await ticks(2)

    own = SystemExit("the body's")
    main: Any = asyncio.current_task()
    with pytest.raises(SystemExit) as caught:
        async with ActorSystem() as system:
            await system.spawn(Cancelling)
            raise own
    assert caught.value is own
    assert main.uncancel() == 0


async def test_guarantee_21_an_exit_is_raised_even_when_the_body_has_ended_already() -> None:
    log: list[str] = []
    with pytest.raises(SystemExit):
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Exiting, log, "receive", SystemExit(3))
            ref.send("plain")
    assert len(log) == 2


async def test_guarantee_21_an_exit_of_a_shutdown_hook_is_raised_after_the_end() -> None:
    log: list[str] = []
    error = SystemExit(4)
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Exiting, log, name="a")
            system.before_shutdown(_raise, error)
    assert caught.value is error
    assert log == ["a starts", "a stops"]


PROGRAM = """
import asyncio
import sys
from actorio import Actor, ActorSystem, run

class Exiting(Actor):
    async def receive(self, message):
        sys.exit(message)

    async def on_stop(self, reason):
        print(self.context.name, "stops", flush=True)

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # a machine may be busy
    async with ActorSystem() as system:
        refs = [await system.spawn(Exiting, name=name) for name in "abc"]
        await refs[1].send(3)
        await system.lookup("a").join()
    print("never")

run(main)
"""


@pytest.mark.parametrize("runner", ["run", "__import__('asyncio').run"])
def test_guarantee_21_the_exit_status_of_the_process_is_that_of_the_handler(runner: str) -> None:
    program = PROGRAM.replace("\nrun(main)", f"\n{runner}(main{'' if runner == 'run' else '()'})")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (3, ["b", "stops", "c", "stops", "a", "stops"])
    assert done.stderr == ""


@pytest.mark.parametrize("way", ["send", "ask", "background", "on_stop", "shutdown hook"])
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_guarantee_21_an_exit_in_a_group_of_exceptions_is_one(way: str, error: BaseException) -> None:
    """What is raised from the block is the exit itself, as `asyncio.TaskGroup` raises it."""
    log: list[str] = []
    group = BaseExceptionGroup(
        "several", [ValueError(1), BaseExceptionGroup("inner", [error, SystemExit(9)])]
    )
    place = way if way in {"background", "on_stop"} else "receive"
    with pytest.raises(type(error)) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Exiting, log, name="a")
            ref = await system.spawn(Exiting, log, place, group, name="b", restart=Restart.PERMANENT)
            if way == "shutdown hook":
                system.before_shutdown(_raise, group)
            elif way != "on_stop":
                work = ref.ask("plain") if way == "ask" else ref.send(way if way == "background" else "plain")
                await outcome(work)
                await asyncio.Event().wait()
    assert caught.value is error
    assert log[-1] == "a stops"
    assert log.count("b starts") == 1


async def test_guarantee_21_an_exit_in_a_group_that_the_body_raises_is_one_while_the_top_level_gives_up() -> (
    None
):
    own = SystemExit(3)
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Exiting, [], "receive", ValueError("again and again"))
            for _ in range(4):
                ref.send_nowait("x")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise BaseExceptionGroup("of the body", [own]) from None
    assert caught.value is own


COMPUTING = """
from actorio import Actor, ActorSystem, run

class Computing(Actor):
    async def receive(self, message):
        print("computes", flush=True)
        while True:
            pass

async def main():
    async with ActorSystem(handle_signals=True) as system:
        await (await system.spawn(Computing)).ask("go")

run(main)
"""


def test_guarantee_21_the_third_signal_exits_a_process_whose_loop_is_held_up() -> None:
    program = subprocess.Popen([sys.executable, "-c", COMPUTING], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "computes\n"
        for _ in range(200):  # those that come at once count as one, so their number is not three but some
            program.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(0.1)
                break
        else:
            program.kill()
        assert program.returncode == 128 + signal.SIGTERM
