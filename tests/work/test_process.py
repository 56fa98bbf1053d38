"""The process of a worker that dies, or is ended, in the middle of its answer."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from actorio import ActorStoppedError, ActorSystem, Worker, WorkerError
from actorio.testing import until
from tests import chores
from tests.guarantees.actors import outcome

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
on_one_loop = pytest.mark.asyncio(loop_factories=["asyncio"])
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def speaking() -> list[str]:
    """Return the threads that speak with a process of a worker."""
    return [thread.name for thread in threading.enumerate() if "worker's process" in thread.name]


async def held_in_the_middle(worker: Any, marker: Path) -> tuple[int, Any]:
    """Have a process stopped in the middle of its answer, by SIGSTOP; return its id, and what waits for the answer."""
    for _ in range(20):  # a machine that is busy elsewhere may let it get to its end first
        marker.unlink(missing_ok=True)
        result = worker.submit(chores.answer_at_length, str(marker))
        await until(lambda: marker.exists() and marker.read_text(), timeout=PATIENCE)
        pid, before = int(marker.read_text()), bytes_read()
        await until(lambda: result.done() or bytes_read() > before + 1_000_000, timeout=PATIENCE)  # noqa: B023
        os.kill(pid, signal.SIGSTOP)
        at_least = bytes_read()
        await asyncio.sleep(0.01)
        if not result.done() and bytes_read() < at_least + 100_000_000:
            return pid, result
        os.kill(pid, signal.SIGCONT)
        await result
    raise AssertionError("the answer was never caught in the middle")


def bytes_read() -> int:
    """Return how many bytes this process has read until now."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar")).split()[1])


@on_one_loop
@pytest.mark.parametrize("end", ["killed", "Result cancelled", "worker killed", "worker stopped"])
async def test_an_answer_that_is_cut_off_in_the_middle_ends_at_once(end: str, tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        async with ActorSystem(shutdown_timeout=0.05) as system:
            worker = await system.spawn(Worker, "process", shutdown=0.05)
            pid, result = await held_in_the_middle(worker, tmp_path / "marker")
            if end == "killed":
                os.kill(pid, signal.SIGKILL)
                assert isinstance(await outcome(result), WorkerError)
            elif end == "Result cancelled":
                result.cancel()
            elif end == "worker killed":
                worker.kill()
                assert isinstance(await outcome(result), ActorStoppedError)
            elif end == "worker stopped":
                await system.shutdown()
            if end in ("killed", "Result cancelled"):
                assert await worker.submit(chores.pid) != pid
        await until(lambda: not lives(pid) and not speaking(), timeout=PATIENCE)  # a kill waits half a second


@on_one_loop
@pytest.mark.parametrize("how", ["by fork", "by system", "and answer"])
async def test_a_process_that_dies_is_seen_to_though_one_that_it_has_started_lives_on(
    how: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    try:
        async with asyncio.timeout(PATIENCE / 6), ActorSystem(shutdown_timeout=0.05) as system:
            worker = await system.spawn(Worker, "process", shutdown=0.05)
            result = worker.submit(chores.leave_a_child, str(marker), how)
            if how == "and answer":
                os.kill(await result, signal.SIGKILL)
                result = worker.submit(chores.die)  # if its death was not seen yet, by the pipe
            assert isinstance(await outcome(result), WorkerError)
            assert lives(int(marker.read_text()))
            assert await worker.submit(chores.pid) != os.getpid()
    finally:
        os.kill(int(marker.read_text()), signal.SIGKILL)


@on_one_loop
async def test_work_that_forks_and_returns_twice_answers_once() -> None:
    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        worker = await system.spawn(Worker, "process")
        pid = await worker.submit(chores.pid)
        assert await worker.submit(chores.answer_twice) == pid
        assert [await worker.submit(chores.pid) for _ in range(3)] == [pid] * 3


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@on_one_loop
async def test_a_process_that_dies_as_it_packs_its_answer_is_replaced() -> None:
    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        worker = await system.spawn(Worker, "process")
        assert isinstance(await outcome(worker.submit(chores.give_dying)), WorkerError)
        assert await worker.submit(chores.pid) != os.getpid()


@on_one_loop
async def test_a_killed_worker_leaves_nothing_though_a_traceback_keeps_a_frame_of_it() -> None:
    kept: list[Any] = []

    class Keeping(Worker):
        def on_submit(self, func: Any, /, *args: Any, **kwargs: Any) -> Any:
            try:
                raise LookupError
            except LookupError as error:
                kept.append(error)  # with its frame, and that with the worker
            return super().on_submit(func, *args, **kwargs)

    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        worker = await system.spawn(Keeping, "process")
        pid = await worker.submit(chores.pid)
        worker.kill()
        await worker.join()
        await until(lambda: not lives(pid) and not speaking(), timeout=PATIENCE)  # a kill waits half a second


@on_one_loop
async def test_an_answer_for_which_there_is_no_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no end of the thread that has asked for it: nobody would hear of anything any more."""

    def recv_bytes(pipe: Connection) -> bytes:
        if not failed:
            failed.append(True)
            raise MemoryError
        return received(pipe)

    failed: list[bool] = []
    received = Connection.recv_bytes
    monkeypatch.setattr(Connection, "recv_bytes", recv_bytes)
    async with asyncio.timeout(PATIENCE), ActorSystem() as system:
        worker = await system.spawn(Worker, "process")
        with pytest.raises(WorkerError, match="a new one takes its place"):
            await worker.submit(chores.pid)
        assert await worker.submit(chores.pid)
    assert not speaking()


def test_an_interpreter_that_ends_in_the_middle_of_a_block_leaves_no_process(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import asyncio
        from actorio import ActorSystem, Worker
        from tests import chores

        async def main():
            system = ActorSystem()
            await system.__aenter__()
            worker = await system.spawn(Worker, "process")
            print(await worker.submit(chores.pid), flush=True)
            return system, worker

        if __name__ == "__main__":
            loop = asyncio.new_event_loop()
            kept = loop.run_until_complete(main())
    """)
    path = tmp_path / "program.py"
    path.write_text(program)
    ended = subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert not lives(int(ended.stdout))
