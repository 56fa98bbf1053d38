"""The programs that measure one thing each: they run in small, and tell what they say they tell."""

import gc
from pathlib import Path

import pytest

from benchmarks.programs import beside, collector, forms, paired
from benchmarks.programs.seams import PACKAGE


@pytest.mark.parametrize("freeze", [False, True])
async def test_the_latency_of_every_ask_is_told(freeze: bool) -> None:
    found = await beside.measure(askers=5, idle=10, asks=20, freeze=freeze)
    assert found.count == 100
    assert 0 < found.p50 <= found.p99 <= found.p999 <= found.longest


async def test_collections_are_measured_beside_actors_in_each_of_their_states() -> None:
    found = await collector.collections(20)
    assert list(found) == ["no actors", "idle", "after a message", "frozen"]
    assert all(seconds >= 0 for seconds in found.values())


@pytest.mark.parametrize("setting", collector.SETTINGS)
async def test_a_spawn_is_measured_under_each_setting_and_leaves_the_collector_as_it_was(
    setting: str,
) -> None:
    before = gc.get_threshold(), gc.isenabled()
    assert await collector.spawning(20, setting) >= 0
    assert (gc.get_threshold(), gc.isenabled()) == before


def test_another_version_is_run_beside_this_one() -> None:
    ((name, times),) = paired.compare(PACKAGE.parent, ["ask"], rounds=1, quick=True)
    assert name == "ask"
    assert times > 0


def test_a_folder_without_actorio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no actorio"):
        next(paired.compare(tmp_path, ["ask"], rounds=1))


def test_both_forms_are_run_beside_the_code_by_hand() -> None:
    ratios = forms.compare("ask", "asyncio", rounds=1, quick=True)
    assert sorted(ratios) == ["compiled", "pure"]
    assert min(ratios.values()) > 0
