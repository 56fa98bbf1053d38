"""How faults get into actors: the methods of each new instance are wrapped, and stepped await by await."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Generator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from actorio._cell.frames import await_chain, note_stepping
from actorio._cell.owned.interleave import InterleavedCall
from actorio._cell.sender_context import RECEIVE
from actorio._cell.states import Intent
from actorio._core.observer import Observer
from actorio.testing._simulation.story import Story
from actorio.testing._simulation.world import World
from actorio.testing.faults import EVERYBODY, GRAIN, Fault, FaultKind, Faults, InjectedCrash

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Injection"]

_SMALLEST_ROOMS = 3

Method = Callable[..., Any]


class _Places:
    """How many places one actor has passed, over all its incarnations."""

    __slots__ = ("turns", "waits")

    def __init__(self) -> None:
        self.turns = self.waits = 0


class Injection(Observer):
    """Puts faults into the actors of a run.

    Attributes:
        done: what was injected: kind, path, and the place.
        missed: the paths and the pattern that faults are for, as far as no actor yet had them.
    """

    def __init__(self, world: World, story: Story, faults: Faults) -> None:
        self._world = world
        self._story = story
        self._faults = faults
        self._places: dict[str, _Places] = {}
        self._drawn = 0
        bins: list[tuple[FaultKind, float]] = [
            ("crash", faults.crash),
            ("cancel", faults.cancel),
            ("kill", faults.kill),
            ("slow", faults.slow),
        ]
        self._kinds: list[FaultKind] = [kind for kind, share in bins for _ in range(round(share * GRAIN))]
        self._by_hand = {fault.place: fault for fault in faults.by_hand}
        self._stepping: dict[asyncio.Task[Any] | None, None] = {}
        self.done: list[Fault] = []
        self.missed = dict.fromkeys([fault.path for fault in faults.by_hand])
        if faults.paths != EVERYBODY:
            self.missed[faults.paths] = None

    def constructed(self, cell: Cell) -> None:
        """Wrap what the runtime calls on the new instance."""
        if not self._concerns(cell.path):
            return
        self.missed.pop(self._faults.paths, None)
        self.missed.pop(cell.path, None)
        instance: Any = cell.instance
        for name in _turns_of(type(instance)):
            method = getattr(instance, name)
            wrap = self._wrapped if inspect.iscoroutinefunction(method) else self._wrapped_plain
            setattr(instance, name, wrap(cell, method))

    def spawned(self, cell: Cell) -> None:
        """Narrow the mailbox of some."""
        if self._faults.full and self._concerns(cell.path) and cell.mailbox.capacity is not None:
            drawn = self._world.draw_fault(GRAIN)
            if 0 < drawn <= round(self._faults.full * GRAIN):
                room = 1 + drawn % _SMALLEST_ROOMS
                mailbox = cell.open_mailbox()
                mailbox._room = min(mailbox._room, room)
                self._story.write(f"fault: the mailbox of {cell.path} has room for {room}")

    def _concerns(self, path: str) -> bool:
        return fnmatchcase(path, self._faults.paths)

    # -- a turn ------------------------------------------------------------------------------------

    def _wrapped(self, cell: Cell, method: Method) -> Method:
        @functools.wraps(method)
        async def turn(*args: Any, **kwargs: Any) -> Any:
            if asyncio.current_task() in self._stepping:  # a method that calls another is one turn
                return await method(*args, **kwargs)
            return await self._stepped(cell, method(*args, **kwargs))

        return turn

    def _wrapped_plain(self, cell: Cell, method: Method) -> Method:
        @functools.wraps(method)
        def turn(*args: Any, **kwargs: Any) -> Any:
            fault = self._next(cell, at_turn=True)
            if fault is not None:
                if fault.kind == "slow":
                    self._world.advance(fault.seconds)
                elif (error := self._strike(cell, fault)) is not None:
                    raise error
            return method(*args, **kwargs)

        return turn

    @types.coroutine
    def _stepped(self, cell: Cell, turn: Any) -> Generator[Any, Any, Any]:
        """Run a coroutine; at each of its awaits, and before the first step, a fault may happen."""
        fault = self._next(cell, at_turn=True)
        if fault is not None:
            try:
                yield from self._befall(cell, fault)
            except BaseException:
                turn.close()
                raise
        step, value = turn.send, None
        while True:
            try:
                awaited = self._step(step, value)
            except StopIteration as stop:
                return stop.value
            try:
                value = (
                    (yield awaited) if _waits_for_its_tasks(turn) else (yield from self._await(cell, awaited))
                )
                step = turn.send
            except BaseException as error:
                value, step = error, turn.throw

    def _step(self, step: Callable[[Any], Any], value: Any) -> Any:
        task = asyncio.current_task()
        self._stepping[task] = None
        try:
            return step(value)
        finally:
            del self._stepping[task]

    def _await(self, cell: Cell, awaited: Any) -> Generator[Any, Any, Any]:
        fault = None if awaited is RECEIVE else self._next(cell, at_turn=False)
        if fault is None:
            return (yield awaited)
        if fault.kind == "slow":  # afterwards: a wake-up must find its waiter
            value = yield awaited
            yield from self._befall(cell, fault)
            return value
        yield from self._befall(cell, fault)
        return (yield awaited)

    def _befall(self, cell: Cell, fault: Fault) -> Generator[Any, Any, None]:
        if fault.kind == "slow":
            yield from asyncio.sleep(fault.seconds).__await__()
        elif (error := self._strike(cell, fault)) is not None:
            raise error

    def _strike(self, cell: Cell, fault: Fault) -> BaseException | None:
        """Return what is to be raised here; a kill raises nothing, its cancel comes at the next await."""
        if fault.kind == "kill":
            cell.request(Intent.KILL)
            return None
        if fault.kind == "cancel":
            return asyncio.CancelledError()
        error = InjectedCrash(f"injected into {cell.path}")
        beside = cell.runtime.current()
        envelope = beside.envelope if isinstance(beside, InterleavedCall) else cell.envelope
        if envelope is not None and envelope.answers:
            cell.fail_from_outside(error)  # its answer alone would not fail the actor
        return error

    # -- which fault, if any -----------------------------------------------------------------------

    def _next(self, cell: Cell, *, at_turn: bool) -> Fault | None:
        places = self._places.setdefault(cell.path, _Places())
        if at_turn:
            places.turns += 1
            message, wait = places.turns, None
        else:
            places.waits += 1
            message, wait = None, places.waits
        fault = self._by_hand.pop((cell.path, message, wait), None) or self._draw(cell.path, message, wait)
        if fault is not None:
            self.done.append(fault)
            place = f"turn {message}" if at_turn else f"await {wait}"
            self._story.write(f"fault: {fault.kind} in {cell.path} at its {place}")
        return fault

    def _draw(self, path: str, message: int | None, wait: int | None) -> Fault | None:
        most = self._faults.most
        if not self._kinds or (most is not None and self._drawn >= most):
            return None
        drawn = self._world.draw_fault(GRAIN)
        if not 0 < drawn <= len(self._kinds):
            return None
        self._drawn += 1
        seconds = self._faults.slowest * self._world.draw_fault(GRAIN) / GRAIN
        kind = self._kinds[drawn - 1]
        return Fault(kind=kind, path=path, message=message, wait=wait, seconds=seconds)


note_stepping(Injection._stepped.__code__, "turn")

_ENDS_OF_TASKS = {
    ("asyncio.taskgroups", "TaskGroup.__aexit__"),
    ("asyncio.taskgroups", "TaskGroup._aexit"),
    ("anyio._backends._asyncio", "TaskGroup.__aexit__"),
}
"""Where a turn waits for tasks of its own: modules and functions."""
if sys.version_info < (3, 12):
    _ENDS_OF_TASKS.add(("asyncio.tasks", "wait_for"))  # it runs a coroutine in one


def _waits_for_its_tasks(turn: Any) -> bool:
    """Tell whether a turn waits for the tasks of a group: only a cancel can come there, which ends them as well.

    A crash would leave them behind, to go on beside the next incarnation, as no real failure does.
    """
    frames = list(await_chain(turn))
    if not frames:
        return False
    last = frames[-1]
    return (last.f_globals.get("__name__"), last.f_code.co_qualname) in _ENDS_OF_TASKS


_names_of_turns: weakref.WeakKeyDictionary[type[Any], tuple[str, ...]] = weakref.WeakKeyDictionary()
"""Of each class; one that a run has made goes with the run."""


def _turns_of(cls: type[Any]) -> tuple[str, ...]:
    """Return the names of the methods that run as turns: `receive`, hooks, coroutine methods."""
    names = _names_of_turns.get(cls)
    if names is None:
        names = _names_of_turns[cls] = _find_turns(cls)
    return names


def _find_turns(cls: type[Any]) -> tuple[str, ...]:
    hooks = ("receive", "run", "on_start", "on_stop", "on_terminated", "on_undelivered")
    overridden = [name for name in hooks if any(name in base.__dict__ for base in _written(cls))]
    called = [
        name
        for name, method in inspect.getmembers(cls, inspect.iscoroutinefunction)
        if not name.startswith("_") and name not in hooks and name != "recv"
    ]
    return (*overridden, *called)


def _written(cls: type[Any]) -> list[type[Any]]:
    """Return the classes of the program among the bases."""
    return [base for base in cls.__mro__ if base.__module__ not in ("actorio.actor", "typing", "builtins")]
