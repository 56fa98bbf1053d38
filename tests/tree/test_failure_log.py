"""The log of failures: a record for each, at most one a second of one actor."""

from __future__ import annotations

import pytest

from actorio._tree.failure_log import FailureLog


class _Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


class _Runtime:
    name = "shop"

    def __init__(self, timers: _Clock) -> None:
        self.timers = timers


class _Cell:
    incarnation = 3
    instance = None
    factory = dict

    def __init__(self, path: str, clock: _Clock) -> None:
        self.path = path
        self.runtime = _Runtime(clock)


def test_one_actor_has_one_record_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock, log = _Clock(), FailureLog()
    cell, other = _Cell("/crash", clock), _Cell("/other", clock)
    for time in (0.0, 0.5, 0.9, 1.0, 1.5):
        clock.time = time
        log.failed(cell, "message", ValueError("no"))
    log.failed(other, None, ValueError("no"))
    assert [record.getMessage() for record in caplog.records] == [
        "/crash (incarnation 3) has failed while it handled str",
        "/crash (incarnation 3) has failed while it handled str",
        "/other (incarnation 3) has failed",
    ]
    assert [(record.actor, record.incarnation) for record in caplog.records] == [  # type: ignore[attr-defined]
        *(("/crash", 3), ("/crash", 3), ("/other", 3)),
    ]


def test_what_ends_the_process_is_raised_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    FailureLog().failed(_Cell("/exit", _Clock()), None, SystemExit(1))
    assert caplog.records == []


def test_an_actor_that_has_ended_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    clock, log = _Clock(), FailureLog()
    for number in range(10):
        log.failed(_Cell(f"/{number}", clock), None, ValueError("no"))
    clock.time = 1.0
    log.failed(_Cell("/last", clock), None, ValueError("no"))
    assert len(log._logged) == 1
