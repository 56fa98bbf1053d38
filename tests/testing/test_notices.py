"""The oracle of notices: each watcher is told once, before its next message, when the name is free."""

from __future__ import annotations

from typing import Any

import pytest

from actorio import ExitReason
from actorio.testing._oracles.notices import Notices
from tests.testing.cells import Story, Thing, broken, cell, mail

END = ExitReason.NORMAL


def both() -> tuple[Any, Any]:
    """Make a watcher and one that it may watch."""
    return cell("/watcher"), cell("/watched")


def end(oracle: Any, one: Any) -> Any:
    """End one in order, and return the notice of that."""
    one.siblings.table.clear()
    one.reason = END
    oracle.ended_for_good(one, END)
    return Thing(ref=Thing(_cell=one))


def a_notice_that_is_late(oracle: Any) -> None:
    watcher, other = both()
    oracle.watched(watcher, other)
    end(oracle, other)
    oracle.begun(watcher, mail())


def a_late_notice_of_one_that_had_ended(oracle: Any) -> None:
    watcher, other = both()
    end(oracle, other)
    oracle.watched(watcher, other)
    oracle.begun(watcher, mail())


def a_notice_twice(oracle: Any) -> None:
    watcher, other = both()
    oracle.watched(watcher, other)
    notice = end(oracle, other)
    oracle.notified(watcher, notice)
    oracle.notified(watcher, notice)


def a_notice_after_unwatch(oracle: Any) -> None:
    watcher, other = both()
    oracle.watched(watcher, other)
    oracle.unwatched(watcher, other)
    oracle.notified(watcher, end(oracle, other))


def a_name_in_use(oracle: Any) -> None:
    oracle.ended_for_good(cell(), END)


def a_membership_that_is_left(oracle: Any) -> None:
    one = cell()
    one.runtime.groups.joined[one] = {}
    end(oracle, one)


def an_alias_that_is_left(oracle: Any) -> None:
    one = cell()
    one.runtime.names.named[one] = ["alias"]
    end(oracle, one)


STORIES = [
    a_notice_that_is_late,
    a_late_notice_of_one_that_had_ended,
    a_notice_twice,
    a_notice_after_unwatch,
    a_name_in_use,
    a_membership_that_is_left,
    an_alias_that_is_left,
]


@pytest.mark.parametrize("story", STORIES)
def test_a_notice_at_the_wrong_time_is_seen(story: Story) -> None:
    assert broken(Notices, story) == [14]


def test_notices_in_time_are_not_blamed() -> None:
    def story(oracle: Any) -> None:
        watcher, other = both()
        forgetful, _ = both()
        oracle.watched(watcher, other)
        oracle.watched(forgetful, other)
        oracle.stopped(forgetful, END)  # its watches end with the incarnation
        notice = end(oracle, other)
        oracle.notified(watcher, notice)
        oracle.begun(watcher, mail())
        oracle.begun(forgetful, mail())

    assert broken(Notices, story) == []
