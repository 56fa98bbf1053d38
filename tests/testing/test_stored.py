"""The store of a replayed durable actor: writes come to what they came to in production."""

import asyncio
from types import SimpleNamespace

import pytest

from actorio.errors import StoreUnavailableError
from actorio.testing._replay.recorded import Answers
from actorio.testing._replay.stored import ReplayedStore, durable_types


def write(sequence: int) -> SimpleNamespace:
    return SimpleNamespace(sequence=sequence, row=7)


async def test_a_write_waits_for_its_time_and_fails_as_it_did() -> None:
    answers = Answers({})
    answers.add(0, {"of": "(store)", "message": 1, "outcome": "value"}, None)
    answers.add(1, {"of": "(store)", "message": 2, "outcome": "error"}, StoreUnavailableError("away"))
    store = ReplayedStore(answers)
    first, second = store._submit(write(1)), store._submit(write(2))
    await asyncio.sleep(0)
    assert not first.done()
    answers.release(1)
    with pytest.raises(StoreUnavailableError, match="away"):
        await second
    assert not first.done()
    answers.release(0)
    assert await first == 7


async def test_a_write_that_production_has_not_made_is_done_at_once() -> None:
    assert await ReplayedStore(Answers({}))._submit(write(3)) == 7


def test_a_number_of_a_reminder_is_any_and_the_journal_is_known_where_persistence_is_in_use() -> None:
    number = ReplayedStore(Answers({}))._next_number()
    assert number == 4711
    assert (number != 4711) is False
    assert [kind.__name__ for kind in durable_types()] in ([], ["Journal"])
