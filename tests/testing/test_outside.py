"""What is outside of the simulation is refused by name, at once, and only inside of a run."""

import _thread
import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from actorio.testing import Escaped, simulate
from actorio.testing._simulation.outside import replaced

SECOND = 1.0  # of virtual time


async def open_connection() -> None:
    await asyncio.open_connection("localhost", 1)


async def start_server() -> None:
    await asyncio.start_server(lambda *_: None, "localhost", 1)


async def resolve() -> None:
    await asyncio.get_running_loop().getaddrinfo("localhost", 1)


async def child_process() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "--version")


async def plain_child_process() -> None:
    subprocess.run([sys.executable, "--version"], check=False)  # noqa: ASYNC221 - what is refused


async def shell() -> None:
    os.system("true")  # noqa: ASYNC221 - what is refused


async def fork() -> None:
    if not os.fork():
        os._exit(1)


async def spawned() -> None:
    os.posix_spawn(sys.executable, [sys.executable, "--version"], os.environ)  # noqa: ASYNC221 - what is refused


async def process() -> None:
    multiprocessing.get_context("spawn").Process(target=print).start()


async def bare_thread() -> None:
    _thread.start_new_thread(print, ())


async def plain_socket() -> None:
    socket.create_connection(("localhost", 1))


async def thread() -> None:
    threading.Thread(target=print).start()


async def pool() -> None:
    with concurrent.futures.ThreadPoolExecutor() as executor:
        executor.submit(print)


async def blocking_queue() -> None:
    queue.Queue[int]().get(timeout=1)


async def blocking_future() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result())


@pytest.mark.parametrize(
    ("reach", "name"),
    [
        (open_connection, "create_connection|getaddrinfo"),
        (start_server, "create_server"),
        (resolve, "getaddrinfo"),
        (child_process, "subprocess_exec"),
        (plain_child_process, "a subprocess"),
        (shell, "a subprocess"),
        (fork, "a subprocess"),
        (spawned, "a subprocess"),
        (process, "a subprocess"),
        (bare_thread, "a new thread"),
        (plain_socket, "a socket"),
        (thread, "a new thread"),
        (pool, "a new thread"),
        (blocking_queue, "a blocking wait"),
        (blocking_future, "a blocking wait"),
    ],
)
def test_reaching_outside_is_refused_by_name(reach: Callable[[], object], name: str) -> None:
    result = simulate(reach)  # type: ignore[arg-type]
    with pytest.raises(Escaped, match=name):
        result.unwrap()


def test_the_task_is_named() -> None:
    async def main() -> None:
        await asyncio.create_task(resolve(), name="resolver")

    assert "by task resolver" in str(simulate(main).error)


def test_an_escape_ends_the_run_even_if_it_is_caught() -> None:
    reached = []

    async def main() -> None:
        with contextlib.suppress(Escaped):
            await open_connection()
        await asyncio.sleep(SECOND)
        reached.append(True)

    async def at_the_end() -> str:
        with contextlib.suppress(Escaped):
            await open_connection()
        return "passed"

    assert isinstance(simulate(main).error, Escaped)
    assert not reached
    assert isinstance(simulate(at_the_end).error, Escaped)


def test_a_foreign_thread_is_refused_and_ends_the_run() -> None:
    begin, refused = threading.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def intrude() -> None:
        begin.wait()
        try:
            loops[0].call_soon_threadsafe(print)
        except Escaped:
            refused.set()

    intruder = threading.Thread(target=intrude, name="intruder")
    intruder.start()

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        begin.set()
        while intruder.is_alive():  # noqa: ASYNC110 - no event can tell
            await asyncio.sleep(0)

    error = simulate(main).error
    intruder.join()
    assert refused.is_set()
    assert "from thread intruder" in str(error)


def test_the_wall_is_gone_after_the_run() -> None:
    simulate(plain_socket)
    with socket.socket():
        pass
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()
    assert queue.Queue[int]().empty()


def test_an_inherited_attribute_shows_again_after_it_was_replaced() -> None:
    class Parent:
        value = 1

    class Child(Parent):
        pass

    with replaced(Child, "value", 2):
        assert Child.value == 2
    assert Child.value == 1
    assert "value" not in vars(Child)
