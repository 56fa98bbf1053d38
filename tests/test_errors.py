"""Errors and refs can be copied, and errors pickled."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from actorio import ActorRef, ActorSystem, Terminated, errors
from actorio.errors import ActorError, ActorExit, ExitReason
from tests.guarantees.actors import Silent, soon

MADE: dict[str, Callable[[ActorRef[Any]], BaseException]] = {
    "ActorStoppedError": lambda ref: errors.ActorStoppedError(ref, ExitReason.KILLED, print),
    "AskTimeoutError": lambda ref: errors.AskTimeoutError(ref, 1.5, started=True),
    "DeadlockError": lambda ref: errors.DeadlockError(("/a", "/b", "/a")),
    "DeliveryUnknownError": lambda ref: errors.DeliveryUnknownError(ref, "a message"),
    "LinkedActorError": lambda ref: errors.LinkedActorError(ref, ExitReason.CRASHED),
    "MailboxFullError": lambda ref: errors.MailboxFullError(ref, ["a message"]),
    "MessageTooLargeError": lambda ref: errors.MessageTooLargeError(9, 8, "a message"),
    "RefusedError": lambda ref: errors.RefusedError("the text", errors.Refusal.BAD_DATA, ["a message"]),
    "RemoteError": lambda ref: errors.RemoteError("shop.Sold", "sold", "a traceback"),
}
"""Those that are made of something else than their text."""

ERRORS = [
    name
    for name in errors.__all__
    if isinstance(kind := getattr(errors, name), type) and issubclass(kind, (ActorError, ActorExit))
]
OF_ITS_PROCESS = ("ref", "undelivered")


def _make(name: str, ref: ActorRef[Any]) -> BaseException:
    error = MADE[name](ref) if name in MADE else getattr(errors, name)("the text")
    error.add_note("a note")
    return error


def _all_of(error: BaseException) -> tuple[Any, ...]:
    return type(error), str(error), error.args, vars(error)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", ERRORS)
async def test_a_copy_of_an_error_has_all_of_it(name: str, copied: Callable[[Any], Any]) -> None:
    async with soon(), ActorSystem() as system:
        error = _make(name, await system.spawn(Silent, name="it"))
        again = copied(error)
    assert again is not error
    assert _all_of(again) == _all_of(error)


@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_comes_out_of_a_pickle_without_its_ref_and_message(name: str) -> None:
    async with soon(), ActorSystem() as system:
        error = _make(name, await system.spawn(Silent, name="it"))
        again = pickle.loads(pickle.dumps(error))
    kind, text, args, attributes = _all_of(error)
    kept = {key: None if key in OF_ITS_PROCESS else value for key, value in attributes.items()}
    assert _all_of(again) == (kind, text, args, kept)


def test_an_error_of_a_user_that_is_one_of_ours_can_be_pickled_too() -> None:
    again = pickle.loads(pickle.dumps(Sold("the till", 3)))
    assert (str(again), again.left) == ("the till is sold", 3)


class Sold(ActorError):
    """Is made of something else than its text."""

    def __init__(self, what: str, left: int) -> None:
        self.left = left
        super().__init__(f"{what} is sold")


@dataclasses.dataclass(frozen=True)
class Order:
    """A message with a ref in it."""

    reply_to: ActorRef[Any]


async def test_a_copy_of_a_ref_is_that_ref() -> None:
    async with soon(), ActorSystem() as system:
        ref, pool = await system.spawn(Silent), await system.spawn_pool(Silent, size=1)
        for one in (ref, pool):
            assert copy.copy(one) is one
            assert copy.deepcopy([one])[0] is one
            assert dataclasses.asdict(Order(one)) == {"reply_to": one}


async def test_a_ref_is_refused_by_pickle_with_its_path() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent, name="it")
        for value in (ref, Order(ref), Terminated(ref, ExitReason.NORMAL, None)):
            with pytest.raises(TypeError, match="the ref of /it cannot be pickled: it belongs"):
                pickle.dumps(value)
