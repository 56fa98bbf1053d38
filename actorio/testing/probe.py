"""A `Probe`: an actor for tests to stand in for a real one, and to say what it should be sent.

Timeouts are on the clock of the loop that the test runs on: on a virtual one they cost nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, overload

from actorio._cell.notices import Terminated
from actorio._cell.owned.deferred import Deferred
from actorio._core.checks import check_duration, check_instance, check_plain_function
from actorio._core.envelope import ENDED
from actorio._core.result import Result
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.errors import ActorError
from actorio.ref import ActorRef
from actorio.system import ActorSystem
from actorio.testing._words import in_short

__all__ = ["PATIENCE", "Probe"]

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds that a test waits for what it expects, unless it says otherwise."""
_QUIET = 0.05
"""Seconds of silence that `expect_none` takes for an answer."""
_SHOWN = 5


class _Listener(Actor[Any]):
    """Takes every message, and leaves asks for the test to answer."""

    def __init__(self, take: Callable[[Any, Result[Any] | None], None]) -> None:
        self._take = take

    def receive(self, message: Any) -> None:
        try:
            reply = self.context.defer()
        except ActorError:  # nobody has asked
            reply = None
        self._take(message, reply)


class Probe:
    """An actor in the hands of a test; made by `await Probe.spawn(system)` or the fixture `probe`.

    Attributes:
        ref: what to hand to the actors under test.
    """

    def __init__(self) -> None:
        self.ref: ActorRef[Any]
        self._inbox: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._asked: deque[Result[Any]] = deque()
        self._answer: Callable[[Any], Any] | None = None

    @classmethod
    async def spawn(cls, system: ActorSystem, *, name: str | None = None) -> Probe:
        """Start a probe among the top-level actors."""
        check_instance("system", system, ActorSystem)
        probe = cls()
        probe.ref = await system.spawn(_Listener, probe._take, name=name)
        return probe

    def _take(self, message: Any, reply: Result[Any] | None) -> None:
        self._inbox.append(message)
        self._arrived.set()
        if reply is None:
            return
        if self._answer is not None:
            reply.set_result(self._answer(message))
        else:
            self._asked.append(reply)

    # -- what it was sent --------------------------------------------------------------------------

    @overload
    async def expect(self, wanted: type[T], *, timeout: float = PATIENCE) -> T: ...
    @overload
    async def expect(self, wanted: T, *, timeout: float = PATIENCE) -> T: ...
    async def expect(self, wanted: Any, *, timeout: float = PATIENCE) -> Any:
        """Wait for the next message and return it.

        Args:
            wanted: the message, or its class.
            timeout: seconds.

        Raises:
            AssertionError: it was another one, or none came in time.
        """
        message = await self._next(_name(wanted), check_duration("timeout", timeout))
        assert _fits(message, wanted), (
            f"{self.ref.path} expected {_name(wanted)} and was sent {in_short(message)}{self._rest()}"
        )
        return message

    async def expect_none(self, within: float = _QUIET) -> None:
        """Wait for so many seconds in which no message comes.

        Raises:
            AssertionError: there was one.
        """
        try:
            message = await self._next("nothing", check_duration("within", within))
        except AssertionError:
            return
        raise AssertionError(
            f"{self.ref.path} expected nothing and was sent {in_short(message)}{self._rest()}"
        )

    @overload
    async def fish(self, wanted: type[T], *, timeout: float = PATIENCE) -> T: ...
    @overload
    async def fish(self, wanted: Callable[[Any], object], *, timeout: float = PATIENCE) -> Any: ...
    async def fish(self, wanted: Any, *, timeout: float = PATIENCE) -> Any:
        """Pass over messages until one fits, and return it.

        Args:
            wanted: a class, or a predicate.
            timeout: seconds for all of it.

        Raises:
            AssertionError: none that fits came in time; it names what was passed over.
        """
        if not isinstance(wanted, type):
            check_plain_function("wanted", wanted)
        passed: list[Any] = []
        deadline = asyncio.get_running_loop().time() + check_duration("timeout", timeout)
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                message = await self._next(_name(wanted), max(left, 0.0))
            except AssertionError as error:
                raise AssertionError(f"{error}; passed over: {_list(passed)}") from None
            if isinstance(message, wanted) if isinstance(wanted, type) else wanted(message):
                return message
            passed.append(message)

    async def expect_terminated(self, ref: ActorRef[Any], *, timeout: float = PATIENCE) -> Terminated:
        """Wait until an actor has ended for good, and return how.

        Raises:
            AssertionError: it had not in time.
        """
        check_ref("expect_terminated", ref)
        try:
            return await ref.join(timeout)
        except TimeoutError:
            raise AssertionError(
                f"{ref.path} had not ended within {timeout:g} s; it is {ref.state}"
            ) from None

    # -- what it answers ---------------------------------------------------------------------------

    def reply(self, value: Any) -> None:
        """Answer the oldest ask that has no answer yet, and whose asker still waits, if there is such a one.

        Raises:
            AssertionError: there is none.
        """
        self._oldest().set_result(value)

    def fail(self, error: BaseException) -> None:
        """Answer the ask that `reply` would answer by an exception.

        Raises:
            AssertionError: there is none.
        """
        self._oldest().set_exception(error)

    def answer_with(self, answer: Callable[[Any], Any]) -> None:
        """From now on answer every ask at once with `answer(message)`."""
        check_plain_function("answer", answer)
        self._answer = answer

    # -- inside ------------------------------------------------------------------------------------

    async def _next(self, wanted: str, timeout: float) -> Any:
        try:
            async with asyncio.timeout(timeout):
                while not self._inbox:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            if not self._inbox:
                raise AssertionError(
                    f"{self.ref.path} expected {wanted}, and was sent nothing in {timeout:g} s"
                ) from None
        return self._inbox.popleft()

    def _oldest(self) -> Result[Any]:
        """Take out the oldest ask; those that were given up come last: no answer reaches anybody."""
        assert self._asked, f"{self.ref.path} has no ask to answer"
        found = next((asked for asked in self._asked if _is_awaited(asked)), self._asked[0])
        self._asked.remove(found)
        return found

    def _rest(self) -> str:
        return f"; after it: {_list(self._inbox)}" if self._inbox else ""


def _is_awaited(asked: Result[Any]) -> bool:
    return isinstance(asked, Deferred) and asked._envelope.state < ENDED


def _fits(message: Any, wanted: Any) -> bool:
    return isinstance(message, wanted) if isinstance(wanted, type) else bool(message == wanted)


def _name(wanted: Any) -> str:
    return f"a {wanted.__qualname__}" if isinstance(wanted, type) else in_short(wanted)


def _list(messages: Any) -> str:
    shown = [in_short(message) for message in messages]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (", ".join(shown[:_SHOWN]) + more) or "nothing"
