"""The oracle of answers: an ask ends once, at the latest with its target, and is answered in its turn or taken away."""

from typing import Any

import pytest

from actorio import ActorSystem, ExitReason
from actorio._core.envelope import QUEUED, RUNNING
from actorio._core.request import Request
from actorio.testing import GuaranteeBroken, simulate
from actorio.testing._oracles.answers import Answers
from tests.testing.cells import Story, broken, cell, mail
from tests.testing.test_combined import Echo


def test_an_ask_that_ends_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Request._end
    monkeypatch.setattr(Request, "_end", lambda self, state: (end(self, state), end(self, state)))

    async def main() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Echo, name="echo")).ask("question")

    error = simulate(main).error
    assert isinstance(error, GuaranteeBroken)
    assert str(error).endswith("the ask 'question' of /echo has ended twice")


def asked(oracle: Any, state: int = RUNNING, **fields: Any) -> tuple[Any, Any]:
    """Have an actor asked, and begin with that."""
    oracle.asked(one := cell(**fields), question := mail("question", state))
    return one, question


def answered_twice(oracle: Any) -> None:
    one, question = asked(oracle)
    oracle.answered(one, question)
    oracle.answered(one, question)


def a_turn_without_an_answer(oracle: Any) -> None:
    oracle.ended(*asked(oracle))


def the_end_of_who_was_asked(oracle: Any) -> None:
    one, _ = asked(oracle)
    oracle.ended_for_good(one, ExitReason.NORMAL)


def the_end_of_who_was_handed_it(oracle: Any) -> None:
    pool, question = asked(oracle)
    oracle.handed_over(pool, routee := cell("/till/1"), question)
    oracle.ended_for_good(pool, ExitReason.NORMAL)
    oracle.ended_for_good(routee, ExitReason.NORMAL)


def the_end_of_the_system(oracle: Any) -> None:
    one, _ = asked(oracle)
    oracle.left(one.runtime.system)


@pytest.mark.parametrize(
    "story",
    [
        answered_twice,
        a_turn_without_an_answer,
        the_end_of_who_was_asked,
        the_end_of_who_was_handed_it,
        the_end_of_the_system,
    ],
)
def test_an_ask_that_ends_not_once_is_seen(story: Story) -> None:
    assert broken(Answers, story) == [5]


def test_an_ask_may_be_answered_handed_over_deferred_or_put_back() -> None:
    def story(oracle: Any) -> None:
        one, question = asked(oracle)
        oracle.answered(one, question)
        oracle.ended(one, question)
        pool, job = asked(oracle)
        oracle.handed_over(pool, one, job)
        oracle.answered(one, job)
        deferring, later = asked(oracle)
        deferring.deferred = {later: None}
        oracle.ended(deferring, later)
        oracle.answered(deferring, later)
        assert not oracle._open, "who has answered is not kept"
        oracle.ended(*asked(oracle, QUEUED))  # it was stashed
        for gone in (one, pool, deferring):
            oracle.ended_for_good(gone, ExitReason.NORMAL)
        oracle.left("another system")

    assert broken(Answers, story) == []
