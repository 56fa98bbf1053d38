"""Clocks and randomness follow the run, and are themselves again afterwards."""

import asyncio
import os
import random
import secrets
import tempfile
import time
import uuid

import pytest

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


def test_a_blocking_sleep_of_less_than_nothing_is_refused() -> None:
    async def main() -> None:
        time.sleep(-1)  # noqa: ASYNC251 - what is tested

    with pytest.raises(ValueError, match="must be non-negative"):
        simulate(main).unwrap()


def test_blocking_sleep_lets_time_pass_and_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[list[str], float]:
        seen: list[str] = []
        asyncio.get_running_loop().call_later(0.1, seen.append, "timer")
        time.sleep(5 * SECOND)  # noqa: ASYNC251 - what is tested
        blocked = list(seen)
        await asyncio.sleep(0.01)
        assert seen == ["timer"]
        return blocked, time.monotonic()

    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("the real one is called"))
    assert simulate(main, tape="").unwrap() == ([], 5.01)


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


def test_the_other_clocks_and_the_calendar_tell_the_time_of_the_run() -> None:
    async def main() -> list[object]:
        await asyncio.sleep(3600)
        clocks = [
            time.process_time(),
            time.thread_time(),
            time.process_time_ns() / 1e9,
            time.thread_time_ns() / 1e9,
        ]
        clocks += [
            time.clock_gettime(time.CLOCK_MONOTONIC),
            time.clock_gettime(time.CLOCK_REALTIME) - 1_700_000_000,
        ]
        assert all(abs(clock - 3600) < 1e-6 for clock in clocks)
        return [time.gmtime()[:5], time.strftime("%M:%S"), time.localtime()[4], time.ctime(), time.asctime()]

    calendar, clock, minute, said, told = simulate(main, tape="").unwrap()
    assert calendar == (2023, 11, 14, 23, 13)
    assert (clock, minute) == ("13:20", 13)
    assert said == told
    assert time.gmtime().tm_year > 2023
    assert time.gmtime(0).tm_year == 1970


def test_names_of_temporary_files_and_the_randomness_of_the_system_come_from_the_tape() -> None:
    async def main() -> tuple[str, bytes]:
        return next(tempfile._get_candidate_names()), os.getrandom(8)  # type: ignore[attr-defined]

    before = tempfile._get_candidate_names()  # type: ignore[attr-defined]
    assert simulate(main, seed=1).unwrap() == simulate(main, seed=1).unwrap()
    assert simulate(main, seed=1).unwrap() != simulate(main, seed=2).unwrap()
    assert tempfile._get_candidate_names() is before  # type: ignore[attr-defined]
