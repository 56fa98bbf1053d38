"""State machines: an actor whose messages are events, handled by the state that it is in.

    class Door(StateMachine[State, Event]):
        initial_state = State.CLOSED

        @state(State.CLOSED)
        async def closed(self, event: Event) -> State | None:
            return State.OPEN if event is Event.PUSH else None      # None: stay

        @entry(State.OPEN)
        async def opened(self, before: State | None) -> None:
            self.state_timeout(5.0, Event.SLAM)

Source: the `gen_statem` behaviour of Erlang/OTP.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Generic

from actorio._cell.owned.timer import Timer
from actorio._core.checks import has_yield, kind_of
from actorio._core.hints import or_none
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import ActorError, UnhandledMessageError

__all__ = ["StateMachine", "entry", "state"]

S = TypeVar("S")
E = TypeVar("E", default=Any)
F = TypeVar("F", bound=Callable[..., Any])

_SHARE = 64
"""Inserted events in one go, at most, before others have their turn."""


def state(*states: Any) -> Callable[[F], F]:
    """Mark a method as the handler of events in these states: it takes an event and returns the next state.

    Returning None, or the state that it is in, stays there.
    """
    return _marked("state", "_actorio_states", states)


def entry(*states: Any) -> Callable[[F], F]:
    """Mark a method to be called on each entry into these states, with the state before, None at the start."""
    return _marked("entry", "_actorio_entries", states)


def _marked(what: str, mark: str, states: tuple[Any, ...]) -> Callable[[F], F]:
    if not states:
        raise TypeError("name at least one state")
    if any(each is None for each in states):
        raise TypeError(f"{what}() takes no None: returned by a handler, it says that the state stays")

    def decorate(method: F) -> F:
        given: object = method
        if not callable(given):
            raise TypeError(f"{what}() marks a method, not {kind_of(given)}")
        if has_yield(given):
            raise TypeError(f"{what}() marks a method without a yield in it")
        setattr(method, mark, states)
        return method

    return decorate


_ENTERS = "_actorio_enters"


def _enters(on_start: F) -> F:
    setattr(on_start, _ENTERS, True)
    return on_start


def _entering(on_start: Any) -> Any:
    """Return an `on_start` that refuses to have started while the machine is in no state."""

    @_enters
    @functools.wraps(on_start)
    async def checked(self: StateMachine[Any, Any]) -> None:
        await _value_of(on_start(self))
        if self._state is None:
            raise TypeError(
                f"{type(self).__qualname__} is in no state: its on_start has to `await super().on_start()`, which "
                "enters the initial one"
            )

    return checked


class StateMachine(Actor[E], Generic[S, E]):
    """An actor that is always in one of its states. Its messages are events; states are any hashables.

    A new incarnation begins in the initial state. The reply of an ask is None, unless the handler says otherwise by
    `self.context.reply(value)` or `self.context.defer()`. An exception in a handler, or in the entry action of the next
    state, leaves the state as it was, with its timeout and its postponed events, and fails the actor as in any other;
    what its turn has inserted is forgotten.
    """

    initial_state: ClassVar[Any]
    """Where an incarnation begins; its entry action runs in `on_start`, which raises `TypeError` without one."""

    _handlers: ClassVar[dict[Any, str]] = {}
    _entries: ClassVar[dict[Any, str]] = {}

    _state: Any = None
    _is_handling = False
    _postponing = False
    _changed = False
    _inserted: deque[E] | None = None
    _is_inserted = False
    _state_timer: Timer | None = None
    _event_timer: Timer | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._handlers = _methods_by_state(cls, "_actorio_states")
        cls._entries = _methods_by_state(cls, "_actorio_entries")
        if not hasattr(cls.on_start, _ENTERS):
            cls.on_start = _entering(cls.on_start)  # type: ignore[method-assign]

    # -- for handlers ------------------------------------------------------------------------------

    @property
    def current_state(self) -> S:
        """The state that it is in."""
        return self._state  # type: ignore[no-any-return]

    def postpone(self) -> None:
        """Put the event off until after the next change of state, before newer ones, in its order.

        Raises:
            ActorError: it was inserted by `next_event`, or no event is being handled.
        """
        if self._is_inserted:
            raise ActorError("an event inserted by next_event cannot be postponed")
        if not self._is_handling:
            raise ActorError("postpone is for the handler of an event, and none is being handled")
        self._postponing = True

    def next_event(self, event: E) -> None:
        """Handle this event right after the current one, before all that is in the mailbox.

        It belongs to the turn of the event that inserts it, and is forgotten when the incarnation has to end first.

        Raises:
            ActorError: no event is being handled, nor does the machine start: `self.context.ref.send` it instead.
        """
        if not self._is_handling and self._state is not None:
            raise ActorError(
                "next_event is for the handler of an event, and none is being handled: send it to the machine's own ref"
            )
        if self._inserted is None:
            self._inserted = deque()
        self._inserted.append(event)

    def state_timeout(self, delay: float, event: E) -> None:
        """Send the event in `delay` seconds, unless the state changes first. A second call replaces the first."""
        self._cancel(self._state_timer)
        self._state_timer = self.context.send_after(delay, event)

    def event_timeout(self, delay: float, event: E) -> None:
        """Send the event in `delay` seconds, unless another event comes first, whatever it is."""
        self._cancel(self._event_timer)
        self._event_timer = self.context.send_after(delay, event)

    async def unhandled(self, event: E) -> S | None:
        """Handle the events of a state that has no handler; override it for those that are the same in all."""
        raise UnhandledMessageError(
            f"{type(self).__qualname__} handles no event in the state {self._state!r}; this was a "
            f"{type(event).__name__}"
        )

    # -- the machine -------------------------------------------------------------------------------

    @_enters
    async def on_start(self) -> None:
        """Enter the initial state; a subclass that overrides it awaits `super().on_start()`."""
        first = getattr(self, "initial_state", None)
        if first is None:
            raise TypeError(f"{type(self).__qualname__} has no initial_state, where it is to begin")
        self._is_handling = True
        try:
            await self._enter(first)
            await self._run_inserted()
        finally:
            self._is_handling = False

    async def receive(self, message: E) -> None:
        """Handle one event, and what it has inserted."""
        self._cancel(self._event_timer)
        self._postponing = self._changed = False
        self._is_handling = True
        try:
            await self._handle(message)
            if self._postponing:
                self.context.stash(message)
            await self._run_inserted()
        except Exception:
            self._inserted = None  # it belongs to the turn that has failed
            if self._changed:  # by the events before the one that has failed
                self.context.unstash_all()
            raise
        finally:
            self._is_handling = False
        if self._changed:
            self.context.unstash_all()

    async def _run_inserted(self) -> None:
        handled = 0
        self._is_inserted = True
        try:
            while self._inserted and not self._has_to_end():
                self._cancel(self._event_timer)
                await self._handle(self._inserted.popleft())
                handled += 1
                if not handled % _SHARE:
                    await asyncio.sleep(0)  # each may insert the next, and nobody else would run any more
        finally:
            self._is_inserted = False
            self._inserted = None

    def _has_to_end(self) -> bool:
        """Tell whether no event may be handled any more: no mail is looked at between those that are inserted."""
        return self.context._own().is_about_to_end()

    async def _handle(self, event: E) -> None:
        """Give the state the event, and enter the next one if that is another."""
        name = self._handlers.get(self._state)
        after = or_none(
            await _value_of(self.unhandled(event) if name is None else getattr(self, name)(event))
        )
        if after is not None and after != self._state:
            await self._enter(after)

    async def _enter(self, after: S) -> None:
        """Enter a state. An entry action that fails leaves the state as it was, with its timeout."""
        before, timer = self._state, self._state_timer
        self._state, self._state_timer = after, None
        name = self._entries.get(after)
        try:
            if name is not None:
                await _value_of(getattr(self, name)(before))
        except BaseException:
            self._cancel(self._state_timer)
            self._state, self._state_timer = before, timer
            raise
        self._cancel(timer)
        self._changed = True

    @staticmethod
    def _cancel(timer: Timer | None) -> None:
        if timer is not None:
            timer.cancel()


async def _value_of(outcome: Any) -> Any:
    return await outcome if inspect.isawaitable(outcome) else outcome


def _methods_by_state(cls: type[Any], mark: str) -> dict[Any, str]:
    """Return the names of the marked methods by state, a subclass's before those that it inherits."""
    found: dict[Any, str] = {}
    for owner in cls.__mro__:
        own: dict[Any, str] = {}
        for name, method in vars(owner).items():
            for marked in getattr(method, mark, ()):
                if marked in own:
                    raise TypeError(f"{cls.__qualname__}: both {own[marked]} and {name} are for {marked!r}")
                own[marked] = name
        found = {**own, **found}
    return found
