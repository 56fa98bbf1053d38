"""The pace of work on very many things: when it is time for a rest."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from actorio._core.pace import Pace


def paced(*times: float) -> Pace:
    clock = iter(times)
    last = [0.0]

    def time() -> float:
        last[0] = next(clock, last[0])
        return last[0]

    loop: Any = SimpleNamespace(time=time)
    return Pace(loop)


def test_a_few_things_need_no_rest() -> None:
    pace = paced(0.0)
    assert not any(pace.is_up() for _ in range(255))


def test_many_things_need_a_rest_however_fast() -> None:
    pace = paced(0.0)
    assert [pace.is_up() for _ in range(256)].index(True) == 255


def test_slow_things_need_a_rest_after_about_a_millisecond() -> None:
    pace = paced(0.0, 0.0005, 0.002)
    ups = [pace.is_up() for _ in range(32)]
    assert ups.index(True) == 31


def test_the_clock_is_looked_at_for_one_thing_in_sixteen() -> None:
    looks = []
    loop: Any = SimpleNamespace(time=lambda: looks.append(1) or 0.0)
    pace = Pace(loop)
    for _ in range(64):
        pace.is_up()
    assert len(looks) == 1 + 4


async def test_a_rest_lets_the_loop_go_round_and_begins_anew() -> None:
    pace, seen = Pace(asyncio.get_running_loop()), []
    asyncio.get_running_loop().call_soon(seen.append, "others")
    for _ in range(256):
        pace.is_up()
    await pace.rest()
    assert seen == ["others"]
    assert not pace.is_up()
