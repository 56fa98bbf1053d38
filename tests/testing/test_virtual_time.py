"""Virtual time for ordinary tests: exact, in order, without waiting."""

import asyncio
import time

import pytest

from actorio.testing import Escaped, SimDeadlock, VirtualTimeLoop, run_in_virtual_time

SECOND = 1.0  # of virtual time


def test_times_are_exact() -> None:
    async def main() -> list[float]:
        times = []
        for delay in (0.1, 0.2, 0.0005, 3600):
            await asyncio.sleep(delay)
            times.append(asyncio.get_running_loop().time())
        return times

    assert run_in_virtual_time(main) == [0.1, 0.3, 0.3005, 3600.3005]


def test_equal_deadlines_fire_in_the_order_they_were_made() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        for number in range(20):
            asyncio.get_running_loop().call_later(1, fired.append, number)
        await asyncio.sleep(SECOND)
        return fired

    assert run_in_virtual_time(main) == list(range(20))


def test_clocks_of_the_module_time_follow() -> None:
    async def main() -> float:
        begun = time.monotonic()
        await asyncio.sleep(100 * SECOND)
        return time.monotonic() - begun

    real = time.monotonic
    assert run_in_virtual_time(main) == 100
    assert time.monotonic is real


def test_a_hanging_test_fails_at_once() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(SimDeadlock, match=r"Event\.wait"):
        run_in_virtual_time(main)


def test_the_world_outside_is_not_there() -> None:
    async def main() -> None:
        await asyncio.open_connection("localhost", 1)

    with pytest.raises(Escaped, match=r"loop\.create_connection"):
        run_in_virtual_time(main)


def test_the_loop_serves_any_runner() -> None:
    async def nap() -> float:
        await asyncio.sleep(DAY)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(nap()) == DAY
        assert runner.run(nap()) == 2 * DAY


DAY = 86_400


async def test_not_to_be_called_within_an_event_loop() -> None:
    called: list[object] = []
    with pytest.raises(RuntimeError, match="plain function"):
        run_in_virtual_time(lambda: called.append(1))  # type: ignore[arg-type, return-value]
    assert not called
