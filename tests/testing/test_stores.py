"""The `FaultyStore`: which of its faults are written and which are not, what is drawn, and how it breaks off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.errors import (
    OutcomeUnknownError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)
from actorio.persistence import DurableState, MemoryStore
from actorio.testing import FaultyStore, run_in_virtual_time, simulate
from tests.guarantees.actors import outcome, soon
from tests.persistence.held import HeldStore
from tests.stage import in_virtual_time, now

SHARES = {"unavailable": 0.1, "full": 0.1, "unknown_written": 0.1, "unknown_lost": 0.1}


class Box(DurableState[Any, int]):
    """Holds a number."""

    def initial_state(self) -> int:
        return 0

    async def receive(self, message: int) -> int:
        await self.save(message)
        return self.state


class Drawn(FaultyStore):
    """Draws what it is told to, and no fault after that."""

    def __init__(self, inner: Any, *draws: int, **shares: Any) -> None:
        super().__init__(inner, **shares)
        self.draws = list(draws)

    def _draw(self, bound: int) -> int:
        return self.draws.pop(0) if self.draws else 0


@pytest.mark.parametrize(
    ("drawn", "error", "written"),
    [
        (0, None, True),
        (1, StoreUnavailableError, False),
        (200, StoreFullError, False),
        (201, OutcomeUnknownError, True),
        (400, OutcomeUnknownError, False),
        (401, None, True),
    ],
)
async def test_a_fault_is_drawn_by_its_share_and_written_as_it_says(
    drawn: int, error: type[StoreError] | None, written: bool
) -> None:
    inner = MemoryStore()
    async with soon(), ActorSystem(store=Drawn(inner, 0, drawn, **SHARES)) as system:
        told = await outcome((await system.spawn(Box, name="box")).ask(1))
    assert told == 1 if error is None else type(told) is error
    assert bool(inner._kept) is written


async def test_a_load_is_refused_where_the_database_is_away_and_not_where_it_is_full() -> None:
    async with soon(), Drawn(MemoryStore(), 1, 200, **SHARES) as store:
        with pytest.raises(StoreUnavailableError):
            await store._load(["box"])
        assert len(await store._load(["box"])) == 1


@in_virtual_time
async def test_what_is_slow_takes_its_drawn_part_of_the_slowest() -> None:
    async with Drawn(MemoryStore(), 1, 250, 501, slow=0.5, slowest=8.0) as store:
        await store._load(["box"])
        assert now() == 2.0
        await store._load(["box"])  # drawn above its share
        assert now() == 2.0


def test_in_a_simulation_the_faults_are_on_the_tape() -> None:
    async def main() -> list[str]:
        async with ActorSystem(store=FaultyStore(MemoryStore(), full=0.5)) as system:
            ref = await system.spawn(Box, name="box")
            return [type(await outcome(ref.ask(number))).__name__ for number in range(20)]

    run = simulate(main, seed=1)
    assert set(run.unwrap()) == {"int", "StoreFullError"}
    assert simulate(main, tape=run.tape).value == run.value


async def test_outside_of_a_simulation_the_faults_are_drawn_by_chance() -> None:
    async with soon(), FaultyStore(MemoryStore(), unavailable=1.0) as store:
        loads = [await outcome(store._load(["box"])) for _ in range(20)]
    assert set(map(type, loads)) == {StoreUnavailableError}


def test_in_virtual_time_the_same_faults_are_drawn_each_time() -> None:
    async def main() -> list[str]:
        async with FaultyStore(MemoryStore(), unavailable=0.5) as store:
            return [type(await outcome(store._load(["box"]))).__name__ for _ in range(20)]

    drawn = run_in_virtual_time(main)
    assert set(drawn) == {"list", "StoreUnavailableError"}
    assert run_in_virtual_time(main) == drawn


@pytest.mark.parametrize("written", [False, True])
async def test_what_is_planted_befalls_the_next_group_alone(written: bool) -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Box, name="box")
        store.fail_next(StoreFullError, written=written)
        assert type(await outcome(ref.ask(1))) is StoreFullError
        assert bool(inner._kept) is written
    async with soon(), ActorSystem(store=store) as system:
        assert await (await system.spawn(Box, name="box")).ask(2) == 2


async def test_after_a_crash_it_is_closed_for_good_and_its_inner_store_is_not() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    await store.open()
    await store.crash()
    assert not inner.is_open
    with pytest.raises(StoreClosedError, match="not open"):
        await store.position()
    with pytest.raises(StoreClosedError, match="make a new one"):
        await store.open()
    with pytest.raises(StoreClosedError, match="not open"):
        await store.crash()
    async with FaultyStore(inner) as another:
        assert inner.is_open
        assert await another.position() == 0
    assert not inner.is_open


async def test_an_inner_store_that_was_open_is_left_open() -> None:
    async with MemoryStore() as inner:
        async with FaultyStore(inner):
            pass
        assert inner.is_open


async def test_a_write_under_way_is_waited_for_at_the_end() -> None:
    """Or the inner store would write on behind the back of its next user."""
    inner = HeldStore()
    store = FaultyStore(inner)
    await store.open()
    writing = asyncio.ensure_future(store._pass_on([]))
    await inner.came.wait()
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not closing.done()
    inner.gate.set()
    await closing
    assert await writing == []


@pytest.mark.parametrize(
    "wrong",
    [{"full": -0.1}, {"slow": 1.1}, {"slow": 0.0004}, {"full": 0.6, "unavailable": 0.5}, {"slowest": -1.0}],
)
def test_shares_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|between|share"):
        FaultyStore(MemoryStore(), **wrong)


def test_what_is_no_store_and_no_exception_is_refused() -> None:
    inner: Any = {}
    with pytest.raises(TypeError, match="inner"):
        FaultyStore(inner)
    error: Any = "full"
    with pytest.raises(TypeError, match="error"):
        FaultyStore(MemoryStore()).fail_next(error)
