"""A broken guarantee ends the run and is named; a sound run is not blamed. Which bugs the oracles find is measured
by `tests/mutation`."""

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from actorio._cell.cell import Cell
from actorio._core.observer import Observer
from actorio.testing import GuaranteeBroken, SimulationFailed, explore, simulate
from actorio.testing._oracles.combined import Combined, oracles


class Echo(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        return message


async def some_mail() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo, name="echo")
        for number in range(3):
            await ref.send(number)
        ref.kill()
        await ref.join()


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a bug: what is left in a mailbox at the end is forgotten."""
    monkeypatch.setattr(Cell, "_undeliver", lambda self, item: None)


def test_a_broken_guarantee_ends_the_run_and_is_named(forgetful: None) -> None:
    error = simulate(some_mail).error
    assert isinstance(error, GuaranteeBroken)
    assert error.number == 1
    assert str(error).startswith("guarantee 1 (one fate) is broken: 0 has vanished with /echo")


def test_a_program_cannot_hide_it(forgetful: None) -> None:
    async def main() -> str:
        try:
            await some_mail()
        except BaseException:
            return "hidden"
        return "passed"

    assert isinstance(simulate(main).error, GuaranteeBroken)


def test_shrinking_keeps_to_the_same_guarantee(forgetful: None) -> None:
    with pytest.raises(SimulationFailed) as caught:
        explore(some_mail, seeds=range(20))
    assert isinstance(caught.value.shrunk.error, GuaranteeBroken)
    assert caught.value.shrunk.tape.deviations == []


def test_every_system_of_a_run_is_watched() -> None:
    async def main() -> list[bool]:
        loop: Any = asyncio.get_running_loop()
        async with ActorSystem() as first, ActorSystem() as second:
            await first.spawn(Echo)
            await second.spawn(Echo)
            return [system.observer is loop.actorio_observer for system in (first, second)]

    assert simulate(main).unwrap() == [True, True]


async def test_oracles_work_on_a_real_loop_too() -> None:
    broken: list[GuaranteeBroken] = []
    system = ActorSystem()
    system.observer = Combined(oracles(broken.append))
    async with system:
        refs = [await system.spawn(Echo) for _ in range(3)]
        for ref in refs:
            await ref.send("mail")
            assert await ref.ask("question") == "question"
        refs[0].kill()
        await refs[0].join()
    assert broken == []


def test_observers_are_combined_event_by_event() -> None:
    seen: list[Any] = []

    class Starts(Observer):
        def started(self, cell: Any) -> None:
            seen.append(("started", cell))

    class All(Observer):
        def started(self, cell: Any) -> None:
            seen.append(("started too", cell))

        def stopped(self, cell: Any, reason: Any) -> None:
            seen.append(("stopped", cell, reason))

    both = Combined([Combined([Starts()]), All()])
    both.started(1)  # type: ignore[arg-type]
    both.stopped(2, 3)  # type: ignore[arg-type]
    both.spawned(4)  # type: ignore[arg-type]
    assert seen == [("started", 1), ("started too", 1), ("stopped", 2, 3)]
