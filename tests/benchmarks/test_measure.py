"""Measuring: programs in turn, ratios, percentiles, memory, and the curves of the scaling part."""

import math

import pytest

from benchmarks.harness.machine import peak_resident, resident
from benchmarks.harness.measure import Measurement, Series, geometric_mean, measure, peak_of_run
from benchmarks.scaling.curves import CURVES, run_point, sizes
from benchmarks.workloads.idle import IDLE
from benchmarks.workloads.send import SEND


def test_programs_run_in_turn_each_repetition_beginning_with_another() -> None:
    began: list[str] = []
    measured = measure(SEND, quick=True, repetitions=2, loop="asyncio", progress=began.append)
    assert began == [f"send {name}" for name in ("queue", "lean", "actorio", "lean", "actorio", "queue")]
    assert all(len(series.seconds) == 2 for series in measured.series.values())


def test_a_ratio_compares_fastest_with_fastest_and_median_with_median() -> None:
    queue = Series("queue", [4.0, 2.0, 3.0])
    actorio = Series("actorio", [1.0, 1.5, 9.0])
    measured = Measurement(SEND, SEND.quick, {"queue": queue, "actorio": actorio})
    assert measured.ratio("actorio", "queue") == 2.0
    assert measured.ratio_of_medians("actorio", "queue") == 2.0


def test_percentiles_are_of_all_repetitions() -> None:
    series = Series("actorio", [1.0], [number / 100 for number in range(101)])
    assert math.isclose(series.percentile(50) or 0, 0.5)
    assert math.isclose(series.percentile(99) or 0, 0.99)
    assert Series("actorio", [1.0]).percentile(99) is None


def test_the_geometric_mean_is_the_same_from_both_sides() -> None:
    ratios = [2.0, 0.5, 8.0]
    assert math.isclose(geometric_mean(ratios), 1 / geometric_mean([1 / ratio for ratio in ratios]))
    assert math.isclose(geometric_mean(ratios), 2.0)


def test_the_peak_of_memory_is_not_below_what_is_held() -> None:
    assert 0 < resident() <= peak_resident()


@pytest.mark.slow
def test_idle_actors_are_measured_in_a_process_of_their_own() -> None:
    held = peak_of_run("idle", "queue", quick=True, loop="asyncio")
    assert 100 * IDLE.quick.actors < held < 100_000 * IDLE.quick.actors


def test_sizes_are_powers_of_ten_up_to_the_limit() -> None:
    by_name = {curve.name: curve for curve in CURVES}
    assert sizes(by_name["actors"], 1_000) == [10, 100, 1_000]
    assert sizes(by_name["children"], 1_000_000) == [1, 10, 100, 1_000, 10_000]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_a_point_of_a_curve_gives_the_cost_of_one(curve: object) -> None:
    point = run_point(curve.name, 20, "asyncio")  # type: ignore[attr-defined]
    assert point
    assert all(cost >= 0 for cost in point.values())
