"""The event log of a run: its digest tells runs apart, its tail is what a failure shows."""

import pytest

from actorio.testing._simulation.event_log import EventLog

LINE = (3, 1_500_000_000, "a task wakes")


def log_of(*lines: tuple[int, int, str], keep: int | None = None) -> EventLog:
    log = EventLog(keep)
    for line in lines:
        log.write(*line)
    return log


def test_equal_lines_have_one_digest_in_every_process() -> None:
    assert log_of(LINE).digest == log_of(LINE).digest == "d7e1093c11524a8c48d3e6a597378899"


@pytest.mark.parametrize("other", [(4, *LINE[1:]), (3, 1_500_000_001, LINE[2]), (*LINE[:2], "another wakes")])
def test_step_time_and_text_all_count(other: tuple[int, int, str]) -> None:
    assert log_of(other).digest != log_of(LINE).digest


def test_the_order_counts() -> None:
    other = (4, 0, "it ends")
    assert log_of(LINE, other).digest != log_of(other, LINE).digest


def test_lines_that_are_not_kept_count_all_the_same() -> None:
    other = (4, 0, "it ends")
    assert log_of(LINE, other, keep=1).digest == log_of(LINE, other).digest
    assert len(log_of(LINE, other, keep=1).lines) == 1
    assert len(log_of(LINE, other).lines) == 2


def test_the_last_lines_are_shown_in_seconds() -> None:
    assert log_of((1, 0, "main begins"), LINE, keep=1).lines == ("      3     1.500000 s  a task wakes",)
