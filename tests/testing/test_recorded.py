"""The recorded answers: each is taken once, those of equal questions first."""

import asyncio

import pytest

from actorio.testing import ReplayDiverged
from actorio.testing._replay.recorded import Answers


async def test_equal_questions_have_their_own_answers_whatever_the_order() -> None:
    answers = Answers({})
    for number, question in enumerate(("tea", "milk")):
        answers.add(number, {"of": "/prices", "message": question, "outcome": "value"}, f"{question}!")
        answers.release(number)
    assert await answers.to("/prices", "milk", ()) == "milk!"
    assert await answers.to("/prices", "tea", ()) == "tea!"
    with pytest.raises(ReplayDiverged, match="/prices"):
        await answers.to("/prices", "tea", ())


async def test_a_given_function_answers_in_place_of_what_was_recorded() -> None:
    answers = Answers({"/prices": lambda message: f"given {message}"})
    assert await answers.to("/prices", "tea", ()) == "given tea"


async def test_an_ask_of_the_last_turn_waits_until_it_is_given_up() -> None:
    answers = Answers({})
    answers.is_last_turn = True
    asking = asyncio.ensure_future(answers.to("/prices", "tea", ()))
    await asyncio.sleep(0)
    assert not asking.done()
    assert answers.give_up()
    with pytest.raises(ReplayDiverged):
        await asking
