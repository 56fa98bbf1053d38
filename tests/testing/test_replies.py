"""An `Ask[R]` that is answered by something else than an R is found wherever a test looks."""

from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest

from actorio import Actor, ActorSystem, Ask
from actorio.testing import Harness, WrongReply, simulate
from actorio.testing._oracles.replies import _is_a, _reply_type

R = TypeVar("R")


class Get(Ask[int]):
    """How much there is."""


class GetAll(Ask[list[str] | None]):
    """All names."""


class Below(Get):
    """Of a class of questions."""


class Loose(Ask[R], Generic[R]):
    """Says nothing of its reply."""


class Till(Actor[Any]):
    def __init__(self, reply: Any) -> None:
        self.reply = reply

    async def receive(self, message: Any) -> Any:
        return self.reply


WRONG = "/Till-1 has answered Get, which is an Ask.int., by a str"


def test_the_harness_refuses_a_reply_of_another_type() -> None:
    with Harness() as harness:
        harness.start(Till, "five")
        with pytest.raises(WrongReply, match=WRONG):
            harness.ask(Get())
    with Harness() as harness:
        harness.start(Till, 5)
        assert harness.ask(Get()) == 5
        assert harness.ask(Below()) == 5
        assert harness.ask("anything") == 5


def test_the_simulation_refuses_a_reply_of_another_type() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            till = await system.spawn(Till, "five")
            await till.ask(Get())

    result = simulate(main, seed=1)
    assert isinstance(result.error, WrongReply)
    assert "/Till-1 has answered Get, which is an Ask[int], by a str" in str(result.error)


@pytest.mark.parametrize(
    ("question", "good", "bad"),
    [
        (Get, [5, True], ["5", 5.0, None]),
        (Below, [5], ["5"]),
        (GetAll, [["a"], None, [1]], ["a", ("a",)]),
        (Loose, [5, "a", None], []),
        (Ask, [5, None], []),
    ],
)
def test_what_a_reply_may_be(question: type[Any], good: list[Any], bad: list[Any]) -> None:
    assert [_is_a(value, _reply_type(question)) for value in good] == [True] * len(good)
    assert [_is_a(value, _reply_type(question)) for value in bad] == [False] * len(bad)


def test_types_that_are_no_classes() -> None:
    assert _is_a(5, float)
    assert _is_a("a", Literal["a", "b"])
    assert not _is_a("c", Literal["a", "b"])
    assert _is_a(5, "a name that is not known here")
    assert _is_a(None, None)
    assert not _is_a(5, None)
    assert _is_a(5, complex)
    assert not _is_a("5", complex)


def test_what_is_annotated_is_what_stands_before_the_annotation() -> None:
    assert _is_a(5, Annotated[int, "of coins"])
    assert _is_a(None, Annotated[int | None, ["a list has no hash"]])
    assert not _is_a("5", Annotated[int, "of coins"])
