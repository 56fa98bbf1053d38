"""The `Worker`: functions as messages, on the loop, in a thread, in a process."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    UnhandledMessageError,
    Worker,
    WorkerError,
)
from actorio.testing import until
from tests import chores
from tests.guarantees.actors import outcome, soon, started
from tests.stage import ticks

pytestmark = pytest.mark.real_loop("threads and processes")

ROOT = Path(__file__).parents[2]
on_one_loop = pytest.mark.asyncio(loop_factories=["asyncio"])
"""For tests of processes, which take a while to start."""


async def on_the_loop(value: Any) -> Any:
    await ticks(1)
    return value, threading.current_thread() is threading.main_thread()


def main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@pytest.mark.parametrize("runner", ["fork", "", None, 3])
async def test_a_runner_that_is_none_is_refused(runner: Any) -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(ValueError, match="runner must be 'loop', 'thread' or 'process'"):
            await system.spawn(Worker, runner)


@pytest.mark.parametrize("runner", ["loop", "thread"])
async def test_functions_run_where_the_runner_says_and_coroutine_functions_on_the_loop(runner: Any) -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, runner)
        assert await worker.submit(main_thread) is (runner == "loop")
        assert await worker.submit(on_the_loop, 3) == (3, True)
        assert await worker.submit(int, "ff", base=16) == 255


@pytest.mark.parametrize("runner", ["loop", "thread"])
async def test_work_is_done_one_at_a_time_in_order(runner: Any) -> None:
    def work(number: int) -> int:
        inside.append(number)
        most.append(len(inside))
        inside.remove(number)
        done.append(number)
        return number

    inside: list[int] = []
    most: list[int] = []
    done: list[int] = []
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, runner)
        results = [worker.submit(work, number) for number in range(20)]
        assert [await result for result in results] == list(range(20))
    assert done == list(range(20))
    assert set(most) == {1}


@pytest.mark.parametrize("runner", ["loop", "thread"])
async def test_a_failure_is_the_works_own_exception_object_and_the_worker_goes_on(runner: Any) -> None:
    def fail() -> None:
        raise error

    error = LookupError("work")
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, runner)
        for _ in range(5):
            assert await outcome(worker.submit(fail)) is error
        assert await worker.submit(int) == 0
        assert worker.statistics().restarts == 0


@pytest.mark.parametrize("runner", ["loop", "thread"])
async def test_a_stop_iteration_of_work_is_a_failure(runner: Any) -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, runner)
        assert isinstance(await outcome(worker.submit(next, iter(()))), RuntimeError)
        assert await worker.submit(int) == 0


async def test_a_message_that_is_no_work_is_refused_by_a_typed_error() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker)
        assert isinstance(await outcome(worker.ask(int)), UnhandledMessageError)


# -- threads ---------------------------------------------------------------------------------------


async def test_work_in_a_thread_runs_in_the_contextvars_of_who_submitted_it() -> None:
    variable = ContextVar("variable", default="none")
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        variable.set("mine")
        assert await worker.submit(variable.get) == "mine"


class Gate:
    """A function for a thread that waits until it may go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.done = False

    def __call__(self) -> str:
        self.entered.set()
        self.open.wait(10)
        self.done = True
        return "through"


async def test_the_loop_goes_on_while_a_thread_works() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        result = worker.submit(gate)
        await until(gate.entered.is_set)
        gate.open.set()
        assert await result == "through"


async def test_work_in_a_thread_that_is_cancelled_runs_to_its_end_and_the_next_one_waits() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        first, second = worker.submit(gate), worker.submit(lambda: gate.done)
        await until(gate.entered.is_set)
        assert first.cancel()
        assert first.cancelled()
        await ticks(5)
        assert not second.done()
        gate.open.set()
        assert await second is True
        assert worker.statistics().restarts == 0


async def test_a_failure_of_work_in_a_thread_that_was_cancelled_is_told_to_nobody() -> None:
    class Failing(Gate):
        def __call__(self) -> str:
            super().__call__()
            raise LookupError

    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Failing()
        result = worker.submit(gate)
        await until(gate.entered.is_set)
        assert result.cancel()
        gate.open.set()
        assert await worker.submit(int) == 0
    gc.collect()
    assert told == []


async def test_queued_work_for_a_thread_that_is_cancelled_never_runs() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        ran: list[int] = []
        first, second = worker.submit(gate), worker.submit(ran.append, 1)
        await until(gate.entered.is_set)
        assert second.cancel()
        gate.open.set()
        await first
    assert ran == []


async def test_a_worker_whose_thread_works_may_be_killed() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        first, second = worker.submit(gate), worker.submit(int)
        await until(gate.entered.is_set)
        worker.kill()
        await ticks(3)
        gate.open.set()
        await worker.join()
        for result in (first, second):
            assert isinstance(await outcome(result), ActorStoppedError)


async def test_a_thread_that_does_not_end_does_not_hold_a_kill_up_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        result = worker.submit(gate)
        await until(gate.entered.is_set)
        worker.kill()
        await worker.join()
        assert not gate.done
        assert isinstance(await outcome(result), ActorStoppedError)
        assert system.report.abandoned == ("/Worker-1 thread",)
        assert any("abandoned /Worker-1 thread" in line for line in caplog.messages)
        gate.open.set()
        await until(lambda: gate.done)


async def test_a_stop_waits_for_the_thread() -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "thread")
        gate = Gate()
        first, second = worker.submit(gate), worker.submit(int)
        await until(gate.entered.is_set)
        worker.stop()
        await ticks(5)
        assert worker.is_alive
        gate.open.set()
        await worker.join()
        assert await first == "through"
        assert isinstance(await outcome(second), ActorStoppedError)


async def test_an_exit_in_a_thread_ends_the_system_in_order() -> None:
    class Logged(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            log.append(reason.value)

    log: list[str] = []
    with pytest.raises(SystemExit) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Logged)
            worker = await system.spawn(Worker, "thread")
            assert isinstance(await outcome(worker.submit(chores.leave)), ActorStoppedError)
            await asyncio.Event().wait()
    assert caught.value.code == 3
    assert log == ["shutdown"]


async def test_ten_workers_work_beside_each_other() -> None:
    barrier = threading.Barrier(10)
    async with soon(), ActorSystem() as system:
        workers = [await system.spawn(Worker, "thread") for _ in range(10)]
        results = [worker.submit(barrier.wait, 10) for worker in workers]
        assert sorted([await result for result in results]) == list(range(10))


# -- processes -------------------------------------------------------------------------------------


async def test_a_process_works_fails_dies_is_killed_and_is_replaced() -> None:
    """One life of a worker with all that can happen, on each loop; the details are below."""
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "process")
        first = await worker.submit(chores.pid)
        assert first != os.getpid()
        assert await worker.submit(chores.pid) == first
        assert await worker.submit(on_the_loop, 3) == (3, True)
        assert await worker.submit(chores.echo, 1, [2], three=3) == ((1, [2]), {"three": 3})
        with pytest.raises(LookupError, match="no such thing"):
            await worker.submit(chores.fail, "no such thing")
        assert await worker.submit(chores.pid) == first
        with pytest.raises(WorkerError, match="the process died while it ran die"):
            await worker.submit(chores.die)
        second = await worker.submit(chores.pid)
        assert second not in {first, os.getpid()}
        assert worker.statistics().restarts == 0


@pytest.fixture
async def process_worker() -> Any:
    async with soon(), ActorSystem() as system:
        yield await system.spawn(Worker, "process")


@on_one_loop
async def test_what_cannot_be_sent_is_named(process_worker: ActorRef[Worker]) -> None:
    lock = threading.Lock()
    for work, words in [
        (process_worker.submit(lambda: 1), "the function of .*<lambda> cannot be sent to a process"),
        (process_worker.submit(chores.take, lock), "argument 0 of take cannot be sent .*lock"),
        (process_worker.submit(chores.echo, 1, two=lock), "argument 'two' of echo cannot be sent"),
        (process_worker.submit(chores.give_a_lock), "the result of give_a_lock cannot be sent back"),
        (process_worker.submit(chores.give_a_trap), "what give_a_trap gave back cannot be read"),
        (
            process_worker.submit(chores.take, chores.Trap(os.getpid())),
            "what was sent to the process cannot be read",
        ),
        (process_worker.submit(chores.fail_oddly), "Odd: "),
        (process_worker.submit(chores.leave), r"SystemExit: SystemExit\(3\)"),
    ]:
        with pytest.raises(WorkerError, match=words):
            await work
    assert await process_worker.submit(chores.echo) == ((), {})
    assert process_worker.statistics().restarts == 0


@on_one_loop
async def test_work_that_waits_is_done_by_the_process_that_replaces_a_dead_one(
    process_worker: ActorRef[Worker],
) -> None:
    results = [
        process_worker.submit(chores.be_killed),
        *(process_worker.submit(chores.pid) for _ in range(3)),
    ]
    answers = [await outcome(result) for result in results]
    assert isinstance(answers[0], WorkerError)
    assert len(set(answers[1:])) == 1
    assert answers[1] != os.getpid()


@on_one_loop
async def test_cancelling_running_work_kills_its_process_and_the_next_is_done_by_another(
    process_worker: ActorRef[Worker], tmp_path: Path
) -> None:
    marker = tmp_path / "pid"
    result = process_worker.submit(chores.stay, str(marker))
    dropped = process_worker.submit(chores.stay, str(tmp_path / "never"))
    await until(lambda: marker.exists() and marker.read_text(), timeout=60)
    assert dropped.cancel()
    assert result.cancel()
    assert await process_worker.submit(chores.pid) not in {int(marker.read_text()), os.getpid()}
    await until(lambda: not _lives(int(marker.read_text())), timeout=60)
    assert not (tmp_path / "never").exists()


def in_time(condition: Callable[[], object]) -> None:
    """Wait for what another process does, a minute at most."""
    for _ in range(6_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("what the test waits for does not come")


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@on_one_loop
@pytest.mark.parametrize("end", ["kill", "stop within a deadline", "leave by exception"])
async def test_no_end_of_a_worker_leaves_its_process(end: str, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    try:
        async with soon(), ActorSystem(shutdown_timeout=0.05) as system:
            worker = await system.spawn(Worker, "process", shutdown=0.05)
            result = worker.submit(chores.stay, str(marker))
            await until(lambda: marker.exists() and marker.read_text(), timeout=60)
            if end == "leave by exception":
                raise LookupError
            if end == "kill":
                worker.kill()
                await worker.join()
            else:
                await system.shutdown()
    except LookupError:
        pass
    assert isinstance(await outcome(result), ActorStoppedError)
    await until(lambda: not _lives(int(marker.read_text())), timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_main_process_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    command = [sys.executable, "-m", "tests.orphans", str(marker)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert len(pids) == 2
        in_time(lambda: marker.exists() and marker.read_text())
        program.kill()
    in_time(lambda: not any(_lives(pid) for pid in pids))


@on_one_loop
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("shutdown", [30, 0.05], ids=["after a grace", "when its time is over"])
async def test_a_process_that_does_not_react_is_killed(shutdown: float) -> None:
    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "process", shutdown=shutdown)
        pid = await worker.submit(chores.pid)
        os.kill(pid, signal.SIGSTOP)
    assert not _lives(pid)
    assert not any("worker" in thread.name for thread in threading.enumerate())
    assert system.report.abandoned == ()


@on_one_loop
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_process_that_has_died_without_work_costs_no_work(process_worker: ActorRef[Worker]) -> None:
    pid = await process_worker.submit(chores.pid)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{pid}").exists(), timeout=60)  # all its threads too
    assert await process_worker.submit(chores.pid) not in {pid, os.getpid()}


@on_one_loop
async def test_an_exception_tells_where_it_was_raised_in_the_process(
    process_worker: ActorRef[Worker],
) -> None:
    for work in (chores.fail_deep, chores.fail_oddly_deep):
        error = await outcome(process_worker.submit(work))
        text = "".join(traceback.format_exception(error))
        assert "in inmost" in text
        assert "chores.py" in text


@on_one_loop
async def test_an_ask_that_times_out_leaves_the_process_at_work() -> None:
    class Client(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await worker.submit(chores.pid)

    async with soon(), ActorSystem() as system:
        worker = await system.spawn(Worker, "process")
        client = await system.spawn(Client)
        assert isinstance(await outcome(client.ask(1, timeout=0)), AskTimeoutError)
        assert await client.ask(1) != os.getpid()


@on_one_loop
async def test_a_worker_that_has_no_work_makes_no_process() -> None:
    import multiprocessing

    async with soon(), ActorSystem() as system:
        await system.spawn(Worker, "process")
        await ticks(3)
        assert multiprocessing.active_children() == []


@on_one_loop
async def test_two_workers_have_a_process_each() -> None:
    async with soon(), ActorSystem() as system:
        workers = [await system.spawn(Worker, "process") for _ in range(2)]
        asking = [started(outcome(worker.submit(chores.pid))) for worker in workers]
        assert len({await one for one in asking}) == 2


@on_one_loop
async def test_an_exit_of_a_thread_whose_result_was_cancelled_ends_the_system() -> None:
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        leave.wait(60)
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        async with soon(), ActorSystem() as system:
            worker = await system.spawn(Worker, "thread")
            result = worker.submit(work)
            await until(entered.is_set)
            result.cancel()
            leave.set()
            await asyncio.Event().wait()
