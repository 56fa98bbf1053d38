"""A `Harness`: one actor, driven message by message from a plain test, and everything that it does is seen.

The actor lives in a real actor system, on an event loop of its own in virtual time, which runs only while a
method of the harness does: each of them returns when the actor has nothing left to do. So there is no race in
such a test, and nothing to wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple, Unpack, cast

from actorio._cell.cell import Cell
from actorio._cell.current import current_cell
from actorio._cell.notices import Terminated
from actorio._cell.owned.timer import Timer
from actorio._core.checks import check_callable, check_duration
from actorio._core.envelope import Tick, payload
from actorio._core.mailbox import Mailbox
from actorio._core.observer import Observer
from actorio.actor import Actor
from actorio.address import check_name
from actorio.errors import ActorError
from actorio.policy import Restart
from actorio.ref import ActorRef
from actorio.system import ActorSystem
from actorio.testing._oracles.combined import Combined
from actorio.testing._oracles.replies import check_reply
from actorio.testing._simulation.entropy import virtual_clocks
from actorio.testing.virtual_time import VirtualTimeLoop

__all__ = ["Harness", "Scheduled", "Sent"]

A = TypeVar("A", bound=Actor[Any])
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the actor has sent, from a turn or from a task of its own: by send, ask, call, cast or submit."""

    to: ActorRef[Any]
    message: Any


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A message that a timer of the actor holds: due in so many seconds, then every `interval`, if it has one."""

    message: Any
    due: float | None
    interval: float | None


class _Diary(Observer):
    """Writes down what one actor does to others."""

    def __init__(self) -> None:
        self.cell: Cell | None = None
        self.awaits_its_cell = False
        self.sent: list[Sent] = []
        self.spawned_refs: list[ActorRef[Any]] = []
        self.failures: list[BaseException] = []
        self._waiting: dict[Any, None] = {}

    def queued(self, cell: Cell, item: Any) -> None:
        """A message that waits for room was sent when it began to wait."""
        self._waiting[item] = None
        self._note(cell, item)

    def accepted(self, cell: Cell, item: Any) -> None:
        """A message was sent, unless it has waited."""
        if item in self._waiting:
            del self._waiting[item]
        else:
            self._note(cell, item)

    def _note(self, cell: Cell, item: Any) -> None:
        if self.cell is not None and current_cell() is self.cell and not isinstance(item, Tick):
            self.sent.append(Sent(cell.ref, payload(item)))

    def spawned(self, cell: Cell) -> None:
        """The actor itself, before its `on_start`, or a child of it."""
        if self.awaits_its_cell:
            self.cell, self.awaits_its_cell = cell, False
        elif cell.siblings.owner is self.cell:
            self.spawned_refs.append(cell.ref)

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """The actor has failed: the test is to know."""
        if cell is self.cell:
            self.failures.append(error)


class _Stub(Actor[Any]):
    """Stands in for another actor."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer

    def receive(self, message: Any) -> Any:
        return self._answer(message)


class Harness:
    """Drives one actor: `with Harness() as harness: harness.start(Till, 10); harness.send(Deposit(5))`.

    An exception that fails the actor is raised by the method that drove it there; it is not restarted. What drives or
    looks at the actor raises `ActorError` before `start`, and all of it outside of the block; `RuntimeError` within an
    event loop.
    """

    def __init__(self) -> None:
        self._diary = _Diary()
        self._system = ActorSystem("harness")
        self._open = contextlib.ExitStack()
        self._is_open = False
        self._ref: ActorRef[Any] | None = None

    def __enter__(self) -> Self:
        self._loop = VirtualTimeLoop()
        self._system.observer = Combined([self._loop.actorio_observer, self._diary])
        self._is_open = True
        self._open.callback(self._loop.close)
        self._open.enter_context(virtual_clocks(self._loop))
        try:
            self._run(self._system.__aenter__())
        except BaseException:  # nobody calls `__exit__` then, and the clocks would stay as they are
            self._is_open = False
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._open:
            for cell in tuple(self._system._runtime.root.table.values()):
                cell.ref.stop()
            self._run(self._system.__aexit__(None, None, None))
            self._is_open = False

    # -- the stage ---------------------------------------------------------------------------------

    def stub(self, name: str, answer: Callable[[Any], Any] = lambda message: None) -> ActorRef[Any]:
        """Start an actor to hand to the one under test; it answers an ask with `answer(message)`."""
        check_callable("stub", answer)
        return self._run(self._system.spawn(_Stub, answer, name=check_name(name), mailbox=Mailbox(None)))

    def start(self, factory: Callable[[Unpack[Ts]], A], *args: *Ts, name: str | None = None) -> A:
        """Start the actor under test, and return it: its attributes may be looked at between messages.

        Raises:
            Exception: what its constructor or `on_start` raised.
            ActorError: there is one already; a harness drives one actor.
        """
        if self._ref is not None:
            raise ActorError(
                f"this harness drives {self._ref.path}: start others by `stub`, or in a harness of theirs"
            )

        async def start() -> A:
            self._diary.awaits_its_cell = True
            ref = self._ref = await self._system.spawn(factory, *args, name=name, restart=Restart.TEMPORARY)
            return cast("A", ref._cell.instance)

        return self._run(start())

    @property
    def ref(self) -> ActorRef[Any]:
        """The ref of the actor under test."""
        if self._ref is None:
            raise ActorError("there is no actor under test yet: begin with `harness.start(...)`")
        return self._ref

    # -- what is done to it ------------------------------------------------------------------------

    def send(self, message: Any) -> None:
        """Send a message and let the actor do all that it can without time passing.

        Raises:
            Exception: what it has failed with.
        """

        async def send() -> None:
            await self.ref.send(message)

        self._run(send())

    def ask(self, message: Any) -> Any:
        """Send a message and return the reply; time passes as far as the actor needs it for that.

        Raises:
            Exception: the reply was an exception, or the actor has failed.
            WrongReply: an `Ask[R]` was answered by something else than an R.
        """
        reply = self._run(self.ref.ask(message))
        check_reply(self.ref.path, message, reply)
        return reply

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of the actor in its turn, like `ActorRef.call`."""
        return self._run(self.ref.call(method, *args, **kwargs))

    def advance(self, seconds: float) -> None:
        """Let time pass; timers that are due ring.

        Raises:
            Exception: what the actor has failed with.
        """
        self._run(asyncio.sleep(check_duration("seconds", seconds)))

    def stop(self) -> Terminated:
        """Stop the actor, and return how it has ended."""

        async def stop() -> Terminated:
            self.ref.stop()
            return await self.ref.join()

        return self._run(stop())

    # -- what it has done --------------------------------------------------------------------------

    @property
    def sent(self) -> list[Sent]:
        """Return what the actor has sent, in order; clear the list at will."""
        return self._diary.sent

    @property
    def spawned(self) -> list[ActorRef[Any]]:
        """The children that it has spawned, in order."""
        return self._diary.spawned_refs

    @property
    def watched(self) -> list[ActorRef[Any]]:
        """Whom it watches now."""
        return [cell.ref for cell in self.ref._cell.watching or ()]

    @property
    def scheduled(self) -> list[Scheduled]:
        """Its pending timers, in the order they were set."""
        timers = (self.ref._cell.owned or {}).values()
        return [
            Scheduled(timer._message, timer.remaining, timer._interval)
            for timer in timers
            if isinstance(timer, Timer)
        ]

    # -- inside ------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run the work, then everything that is ready; time passes only for the work."""
        if not self._is_open:
            work.close()
            raise ActorError("a harness works within its block: `with Harness() as harness`")
        if asyncio._get_running_loop() is not None:
            work.close()
            raise RuntimeError("a harness has an event loop of its own: use it in a plain function")
        try:
            with virtual_clocks(self._loop):  # another harness may be open, whose clocks they are now
                value = self._loop.run_until_complete(self._until_idle(work))
        finally:
            failures, self._diary.failures = self._diary.failures, []
        if failures:
            raise failures[0]
        return value

    async def _until_idle(self, work: Coroutine[Any, Any, R]) -> R:
        value = await work
        while self._loop._ready:  # noqa: ASYNC110 - there is no event for that: all others have run
            await asyncio.sleep(0)
        return value
