"""Supervision, backoff: what their values may be, and how the pauses grow."""

import random
from typing import Any

import pytest

from actorio import AutoShutdown, Backoff, Strategy, Supervision

BAD_SUPERVISION: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"strategy": "one_for_one"}, TypeError),
    ({"auto_shutdown": True}, TypeError),
    ({"max_restarts": -1}, ValueError),
    ({"max_restarts": 1.5}, TypeError),
    ({"max_restarts": True}, TypeError),
    ({"within": -1}, ValueError),
    ({"within": float("nan")}, ValueError),
    ({"within": float("inf")}, ValueError),
    ({"within": None}, TypeError),
    ({"backoff": 1.0}, TypeError),
]
BAD_BACKOFF: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"initial": -1}, ValueError),
    ({"initial": float("nan")}, ValueError),
    ({"initial": True}, TypeError),
    ({"maximum": 0.01}, ValueError),
    ({"factor": 0.5}, ValueError),
    ({"factor": float("inf")}, ValueError),
    ({"jitter": 1.5}, ValueError),
    ({"jitter": -0.1}, ValueError),
]


def _names(bad: list[tuple[dict[str, Any], type[Exception]]]) -> list[str]:
    return [repr(options) for options, _ in bad]


@pytest.mark.parametrize(("options", "error"), BAD_SUPERVISION, ids=_names(BAD_SUPERVISION))
def test_a_contradictory_supervision_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        Supervision(**options)


@pytest.mark.parametrize(("options", "error"), BAD_BACKOFF, ids=_names(BAD_BACKOFF))
def test_a_contradictory_backoff_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        Backoff(**options)


def test_the_defaults_are_those_of_the_documentation() -> None:
    supervision = Supervision()
    assert (supervision.strategy, supervision.max_restarts, supervision.within) == (
        Strategy.ONE_FOR_ONE,
        3,
        5.0,
    )
    assert (supervision.backoff, supervision.auto_shutdown) == (None, AutoShutdown.NEVER)
    assert Backoff() == Backoff(initial=0.1, maximum=30.0, factor=2.0, jitter=0.2)


def test_options_but_the_strategy_are_keywords() -> None:
    with pytest.raises(TypeError):
        Supervision(Strategy.ONE_FOR_ONE, 3)  # type: ignore[call-arg]


def test_pauses_double_up_to_the_maximum() -> None:
    backoff = Backoff(1, 10, 2, jitter=0)
    assert [backoff.delay(attempt, random.Random()) for attempt in range(6)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("factor", [1, 1.0001, 1.9, 2, 3, 10, 1e6, 3e9])
@pytest.mark.parametrize("attempt", [0, 1, 10, 300, 1_000, 10**6, 10**12])
def test_no_number_of_restarts_is_too_many(factor: float, attempt: int) -> None:
    pause = Backoff(0.5, 60, factor, jitter=0).delay(attempt, random.Random())
    assert 0.5 <= pause <= 60
    if factor > 1.5 and attempt > 20:
        assert pause == 60


def test_a_backoff_of_nothing_stays_nothing() -> None:
    assert Backoff(0, 10).delay(1_000, random.Random()) == 0


def test_jitter_varies_by_its_share_and_no_more() -> None:
    backoff, source = Backoff(10, 10, jitter=0.2), random.Random(1)
    pauses = [backoff.delay(0, source) for _ in range(1_000)]
    assert 8 <= min(pauses) < 8.1
    assert 11.9 < max(pauses) <= 12


def test_jitter_is_drawn_from_the_source_alone() -> None:
    backoff = Backoff()
    assert [backoff.delay(n, random.Random(5)) for n in range(5)] == [
        backoff.delay(n, random.Random(5)) for n in range(5)
    ]
