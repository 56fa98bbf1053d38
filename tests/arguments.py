"""What the tests of arguments share: all that people pass by mistake, and which of it is of the kind after all."""

import asyncio
import inspect
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Mailbox, Supervisor
from tests.guarantees.actors import SOON, Silent


async def _work() -> None:
    """Stand in for a coroutine function; its coroutine object is a usual mistake."""


def _numbers() -> Iterator[int]:
    """Stand in for a generator function, nothing of which runs when it is called."""
    yield 1


async def _async_numbers() -> AsyncIterator[int]:
    """Stand in for an async generator function."""
    yield 1


ANY: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "an empty string": lambda: "",
    "a string": lambda: "junk",
    "zero": lambda: 0,
    "minus one": lambda: -1,
    "a fraction": lambda: 1.5,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "a huge number": lambda: 10**400,
    "a decimal": lambda: Decimal(5),
    "an object": object,
    "a list": list,
    "a tuple": tuple,
    "bytes": lambda: b"junk",
    "a class": lambda: int,
    "the class itself": lambda: Mailbox,
    "a class of actors": lambda: Silent,
    "an actor": Silent,
    "a coroutine": _work,
    "a function": lambda: len,
    "a coroutine function": lambda: _work,
    "a generator function": lambda: _numbers,
    "an async generator function": lambda: _async_numbers,
}
"""Things that people pass by mistake, each made anew."""

_NUMBERS = {"zero", "a fraction"}
_CLASSES = {"a class", "the class itself", "a class of actors"}
_GENERATORS = {"a generator function", "an async generator function"}
_CALLABLES = {*_CLASSES, "a function", "a coroutine function"}
FINE: dict[str, set[str]] = {
    "seconds": _NUMBERS,
    "seconds or None": {*_NUMBERS, "None"},
    "more than 0 seconds": {"a fraction"},
    "more than 0 seconds or None": {"a fraction", "None"},
    "count": {"zero", "a huge number"},
    "count from 1": {"a huge number"},
    "count from 1 or None": {"a huge number", "None"},
    "whole number": {"zero", "minus one", "a huge number"},
    "name": {"a string"},
    "name or None": {"a string", "None"},
    "text": {"an empty string", "a string"},
    "function": _CALLABLES,
    "function or None": {*_CALLABLES, "None"},
    "plain function": _CALLABLES - {"a coroutine function"},
    "plain function or None": {*_CALLABLES, "None"} - {"a coroutine function"},
    "coroutine function": {"a coroutine function"},
    "streamable": {*_CALLABLES, "an async generator function"} - {"a coroutine function"},
    "factory": {"a class of actors", "a function", "a coroutine function", *_GENERATORS},
    "class": _CLASSES,
    "class or None": {*_CLASSES, "None"},
    "hashable": set(ANY) - {"a list"},
    "iterable": {"an empty string", "a string", "a list", "a tuple", "bytes"},
    "iterable of instances": {"a list", "a tuple"},
    "iterable of numbers": {"a list", "a tuple", "bytes"},
    "instance": set(),
    "instance or None": {"None"},
    "awaitable": {"a coroutine"},
    "count or None": {"zero", "a huge number", "None"},
    "share": {"zero"},
    "tape": {"an empty string"},
    "tape or None": {"an empty string", "None"},
}
"""Which of them are of the kind, so that the call takes them."""


@dataclass
class Stage:
    """What there is to call."""

    system: ActorSystem
    ref: ActorRef[Any]
    supervisor: ActorRef[Supervisor]

    async def turn(self, use: Callable[[Any], Any]) -> Any:
        """Call with the context of an actor, in its turn."""
        return await self.ref.ask(use)


class Obliging(Actor[Any]):
    """Calls its message with its context."""

    async def receive(self, message: Callable[[Any], Any]) -> Any:
        outcome = message(self.context)
        return await outcome if isinstance(outcome, Awaitable) else outcome


@dataclass(frozen=True)
class Entry:
    """An argument of an entry point, its kind, and what the error says is expected."""

    name: str
    kind: str
    words: str
    call: Callable[[Stage, Any], Any]


def options(name: str, make: Callable[..., Any], kinds: dict[str, tuple[str, str]]) -> Iterator[Entry]:
    """Yield an entry for each option of a call, given its kind and its words."""
    for option, (kind, words) in kinds.items():
        yield Entry(
            f"{name}({option})",
            kind,
            words,
            lambda stage, value, option=option: make(stage, **{option: value}),
        )


SPAWN: dict[str, tuple[str, str]] = {
    "name": ("name or None", "name must"),
    "mailbox": ("instance or None", "mailbox must be a Mailbox"),
    "restart": ("instance", "restart must be a Restart"),
    "shutdown": ("seconds or None", "shutdown must"),
}


def table(entries: Iterable[Entry]) -> pytest.MarkDecorator:
    """Have a test run once for each of the entries."""
    return pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in entries])


async def refuses(entry: Entry, stage: Any) -> None:
    """Try an entry point with every wrong value, and say which of them it did not refuse, or not well."""
    for what, value in _wrong_for(entry):
        try:
            async with asyncio.timeout(SOON):
                answer = entry.call(stage, value)
                answer = await answer if isinstance(answer, Awaitable) and answer is not value else answer
        except Exception as error:
            answer = error
        _is_refused(entry, what, value, answer)


def refuses_at_once(entry: Entry, stage: Any) -> None:
    """Try an entry point that is a plain function with every wrong value."""
    for what, value in _wrong_for(entry):
        try:
            answer = entry.call(stage, value)
        except Exception as error:
            answer = error
        _is_refused(entry, what, value, answer)


def _wrong_for(entry: Entry) -> Iterator[tuple[str, Any]]:
    return ((what, make()) for what, make in ANY.items() if what not in FINE[entry.kind])


def _is_refused(entry: Entry, what: str, value: object, answer: object) -> None:
    if inspect.iscoroutine(value):
        value.close()
    good = type(answer) in (TypeError, ValueError) and re.search(entry.words, str(answer))
    assert good, f"{entry.name} with {what}: {answer!r}"
