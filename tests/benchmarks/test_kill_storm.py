"""The kill storm: a small one must find nothing, and what it checks must be able to fail."""

import asyncio
import random

import pytest

from actorio import Groups, Terminated
from benchmarks.programs import kill_storm
from benchmarks.programs.kill_storm import run_storm
from benchmarks.programs.storm_tree import LEVELS, BrokenInvariantError, Member, plan_tree


async def test_a_storm_leaves_the_tree_whole() -> None:
    outcome = await run_storm(actors=300, kills=1_500, seed=7)
    assert outcome.kills >= 1_500
    assert outcome.spawned > 300
    assert outcome.mail > 0


@pytest.mark.parametrize("actors", [5, 31, 300, 10_000])
def test_a_tree_has_as_many_actors_as_asked_for(actors: int) -> None:
    members = list(plan_tree(actors, random.Random(1)).walk())
    assert len(members) == actors
    assert len({plan.path for plan in members}) == actors
    assert max(plan.level for plan in members) <= LEVELS


def test_a_seed_gives_its_tree() -> None:
    assert plan_tree(200, random.Random(3)) == plan_tree(200, random.Random(3))
    assert plan_tree(200, random.Random(3)) != plan_tree(200, random.Random(4))


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_storm, "PATIENCE", 0.3)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_tree_that_does_not_heal_is_found(
    monkeypatch: pytest.MonkeyPatch, little_patience: None
) -> None:
    async def on_terminated(self: Member, event: Terminated) -> None:
        self.mine.pop(event.ref)

    monkeypatch.setattr(Member, "on_terminated", on_terminated)
    with pytest.raises(BrokenInvariantError, match="actors; unsettled"):
        await run_storm(actors=60, kills=100, seed=1)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_member_that_stays_in_its_group_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Groups, "forget", lambda self, cell: None)
    with pytest.raises(BrokenInvariantError, match="the group of level"):
        await run_storm(actors=60, kills=100, seed=1)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_message_that_vanishes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Member.receive

    async def forgetful(self: Member, message: object) -> None:
        if getattr(message, "number", 1) % 50:
            await receive(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr(Member, "receive", forgetful)
    with pytest.raises(BrokenInvariantError, match="messages"):
        await run_storm(actors=60, kills=400, seed=1)


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_notice_too_many_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from actorio._cell.cell import Cell

    notify = Cell.notify

    def twice(self: Cell, notice: object) -> None:
        watching = dict(self.watching or {})
        notify(self, notice)  # type: ignore[arg-type]
        if self.watching is not None:
            self.watching.update(watching)
        notify(self, notice)  # type: ignore[arg-type]

    monkeypatch.setattr(Cell, "notify", twice)
    with pytest.raises(BrokenInvariantError, match="does not watch any more"):
        await run_storm(actors=60, kills=100, seed=1)
    await asyncio.sleep(0)
