"""Clocks and randomness follow the run, and are themselves again afterwards."""

import asyncio
import os
import random
import secrets
import time
import uuid

from actorio.testing import simulate

SECOND = 1.0  # of virtual time


async def _clocks() -> list[float]:
    await asyncio.sleep(3600)
    return [
        time.monotonic(),
        time.perf_counter(),
        time.time() - 1_700_000_000,
        time.monotonic_ns() / 1e9,
        time.perf_counter_ns() / 1e9,
        time.time_ns() / 1e9 - 1_700_000_000,
        asyncio.get_running_loop().time(),
    ]


def test_all_clocks_tell_the_time_of_the_run() -> None:
    clocks = simulate(_clocks, tape="").unwrap()
    assert all(abs(clock - 3600) < 1e-6 for clock in clocks)


def test_blocking_sleep_lets_time_pass_and_runs_nothing() -> None:
    async def main() -> tuple[list[str], float]:
        seen: list[str] = []
        asyncio.get_running_loop().call_later(0.1, seen.append, "timer")
        time.sleep(5 * SECOND)  # noqa: ASYNC251 - what is tested
        blocked = list(seen)
        await asyncio.sleep(0.01)
        assert seen == ["timer"]
        return blocked, time.monotonic()

    begun = time.perf_counter()
    assert simulate(main, tape="").unwrap() == ([], 5.01)
    assert time.perf_counter() - begun < 2


async def _randomness() -> list[object]:
    generators = [random, random.Random(), random.SystemRandom()]
    drawn = [generator.random() for generator in generators]
    return [*drawn, os.urandom(4), secrets.token_hex(4), uuid.uuid4()]


def test_randomness_comes_from_the_tape() -> None:
    run = simulate(_randomness, seed=1)
    assert simulate(_randomness, seed=1).value == run.value
    assert simulate(_randomness, tape=run.tape).value == run.value
    other = simulate(_randomness, seed=2).unwrap()
    assert all(mine != theirs for mine, theirs in zip(run.unwrap(), other, strict=True))


def test_clocks_and_randomness_are_real_again_after_a_run() -> None:
    real = (time.time, time.monotonic, time.perf_counter, time.sleep, os.urandom, random.Random.seed)
    random.seed(1)
    expected = random.random()
    random.seed(1)
    simulate(_randomness)
    assert random.random() == expected
    assert (time.time, time.monotonic, time.perf_counter, time.sleep, os.urandom, random.Random.seed) == real
    assert random.Random().random() != random.Random().random()
    assert os.urandom(8) != os.urandom(8)
