"""The oracle of durable actors: what was acknowledged is there, once, and the state is what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from actorio.errors import OutcomeUnknownError, StoreUnavailableError
from actorio.testing._oracles.durability import Durability
from tests.testing.cells import Story, Thing, broken, cell, mail


class Counter:
    """A durable actor as the oracle sees it, whose events are numbers."""

    def __init__(self, state: int = 0, sequence: int = 0, revision: int = 0, store: str = "store") -> None:
        self.state, self.sequence, self.durable_id = state, sequence, "Counter|till"
        self._journal = Thing(
            store=Thing(_identity=store), durable_id=self.durable_id, revision=revision, erased=0
        )

    def initial_state(self) -> int:
        return 0

    def apply(self, state: int, event: int) -> int:
        return state + event

    @staticmethod
    def _stored_types() -> Any:
        return {"event": Thing(read=lambda durable_id, sequence, type, version, body: body)}


def recovered(oracle: Any, actor: Any, path: str = "/till") -> Any:
    oracle.recovered(one := cell(path, instance=actor), actor)
    return one


def write(sequence: int, amount: int, revision: int, *, erase: bool = False) -> Any:
    event = Thing(durable_id="Counter|till", sequence=sequence, type="", version=1, body=amount)
    return Thing(
        durable_id="Counter|till",
        sequence=sequence,
        revision=revision,
        events=[event],
        snapshot=None,
        erase=erase,
    )


def add(oracle: Any, one: Any, amount: int, error: BaseException | None = None) -> None:
    """Have an actor store one event, and, if that was acknowledged, change its state."""
    actor = one.instance
    oracle.persisted(one, actor, write(actor.sequence + 1, amount, actor._journal.revision), error)
    if error is None:
        actor.state += amount
        actor.sequence += 1
        actor._journal.revision += 1


def a_write_that_is_gone(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5)
    oracle.ended_for_good(one, None)
    recovered(oracle, Counter())


def a_write_of_nobody(oracle: Any) -> None:
    recovered(oracle, Counter(revision=1))


def a_write_from_an_old_revision(oracle: Any) -> None:
    one = recovered(oracle, Counter())
    add(oracle, one, 5)
    one.instance._journal.revision = 0
    add(oracle, one, 5)


def a_state_that_is_not_the_journal(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5)
    one.instance.state = 6
    oracle.ended(one, mail())


def a_recovery_to_another_state(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5)
    oracle.ended_for_good(one, None)
    recovered(oracle, Counter(7, 1, 1))


def one_that_goes_on_in_doubt(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5, OutcomeUnknownError("?"))
    oracle.ended(one, mail())


@pytest.mark.parametrize(
    ("story", "numbers"),
    [
        (a_write_that_is_gone, ["P1", "P5"]),
        (a_write_of_nobody, ["P3"]),
        (a_write_from_an_old_revision, ["P3"]),
        (a_state_that_is_not_the_journal, ["P5"]),
        (a_recovery_to_another_state, ["P5"]),
        (one_that_goes_on_in_doubt, ["P8"]),
    ],
)
def test_a_history_that_is_not_kept_is_seen(story: Story, numbers: list[str]) -> None:
    assert broken(Durability, story) == numbers


def turns_and_a_recovery(oracle: Any) -> None:
    one = recovered(oracle, Counter())
    for amount in (5, 6):
        add(oracle, one, amount)
        oracle.ended(one, mail())
    add(oracle, one, 7, StoreUnavailableError("away"))  # it was surely not written
    oracle.ended(one, mail())
    oracle.ended_for_good(one, None)
    recovered(oracle, Counter(11, 2, 2))


def a_write_in_doubt_that_was_written(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5, OutcomeUnknownError("?"))
    one.failure = OutcomeUnknownError("?")
    oracle.ended(one, mail())
    oracle.ended_for_good(one, None)
    recovered(oracle, Counter(5, 1, 1))


def a_write_in_doubt_that_was_not(oracle: Any) -> None:
    add(oracle, one := recovered(oracle, Counter()), 5, OutcomeUnknownError("?"))
    oracle.ended_for_good(one, None)
    recovered(oracle, Counter())


def one_that_erases_itself(oracle: Any) -> None:
    one = recovered(oracle, actor := Counter())
    add(oracle, one, 5)
    oracle.persisted(one, actor, write(1, 0, 1, erase=True), None)
    actor.state = 0
    oracle.ended(one, mail())


def another_store_with_the_same_id(oracle: Any) -> None:
    add(oracle, recovered(oracle, Counter()), 5)
    recovered(oracle, Counter(store="another"), "/other")


def two_writers_at_once(oracle: Any) -> None:
    add(oracle, recovered(oracle, Counter()), 5)
    recovered(oracle, Counter(), "/other")  # it may be told what is older: of that speaks P13


@pytest.mark.parametrize(
    "story",
    [
        turns_and_a_recovery,
        a_write_in_doubt_that_was_written,
        a_write_in_doubt_that_was_not,
        one_that_erases_itself,
        another_store_with_the_same_id,
        two_writers_at_once,
    ],
)
def test_a_history_that_is_kept_is_not_blamed(story: Story) -> None:
    assert broken(Durability, story) == []
