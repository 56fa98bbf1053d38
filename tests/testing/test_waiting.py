"""Waiting for what is certain to come."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, interleave
from actorio.testing import run_in_virtual_time, settled, until


class Slow(Actor[float]):
    def __init__(self) -> None:
        self.done: list[float] = []

    async def receive(self, message: float) -> Any:
        await asyncio.sleep(message)
        self.done.append(message)


async def test_until_looks_whenever_others_have_run() -> None:
    seen: list[int] = []
    asyncio.get_running_loop().call_soon(seen.append, 1)
    await until(lambda: seen)
    assert seen == [1]


async def test_until_gives_up_and_says_so() -> None:
    with pytest.raises(
        AssertionError, match=r"still not true after 0.01 s: <lambda> \(test_waiting.py:\d+\)$"
    ):
        await until(lambda: False, timeout=0.01)


async def test_settled_waits_for_all_mail_of_all_actors() -> None:
    async with ActorSystem() as system:
        refs = [await system.spawn(Slow) for _ in range(3)]
        for ref in refs:
            for _ in range(3):
                await ref.send(0.001)
        await settled(system)
        assert [ref.statistics().handled for ref in refs] == [3, 3, 3]


def test_settled_names_who_is_busy() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Slow, name="lazy")).send(0.1)
            busy = await system.spawn(Slow, name="busy")
            await busy.send(100.0)
            with pytest.raises(AssertionError, match=r"had not settled after 3 s: /busy$"):
                await settled(system)
            busy.kill()

    run_in_virtual_time(main)


def test_an_interleaved_call_that_waits_has_not_settled() -> None:
    class Beside(Actor[Any]):
        done = False

        @interleave
        async def work(self) -> None:
            await asyncio.sleep(1)
            self.done = True

        async def is_done(self) -> bool:
            return self.done

    async def main() -> bool:
        async with ActorSystem() as system:
            ref = await system.spawn(Beside)
            await ref.cast(Beside.work)
            await settled(system)
            return await ref.call(Beside.is_done)

    assert run_in_virtual_time(main)
