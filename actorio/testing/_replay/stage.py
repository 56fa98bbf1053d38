"""The world of a replayed actor: stubs at the paths that it knows, and what it can do to them.

The stubs are actors that do nothing, so that their refs are real ones. What the replayed actor sends is swallowed, what
it asks is answered as recorded; its own timers, and mail to itself, are quiet, since they are among its inputs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

from actorio._cell.cell import Cell
from actorio._cell.current import current_cell
from actorio._cell.faces import Faces
from actorio._cell.owned.interleave import InterleavedCall
from actorio._cell.owned.timer import Timer
from actorio._cell.states import Options
from actorio._core.checks import check_callable, check_optional_duration
from actorio._core.iterators import close_iterator
from actorio._core.mailbox import Mailbox
from actorio._core.observer import Observer
from actorio._core.request import timeout_of_call
from actorio._core.result import Result
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.context import Context
from actorio.errors import NameNotFoundError
from actorio.ref import ActorRef
from actorio.system import ActorSystem
from actorio.testing._replay.recorded import Answers

__all__ = ["QuietTimer", "Stage"]


class Stub(Actor[Any]):
    """Stands in for another actor."""

    def receive(self, message: Any) -> None:
        """Do nothing."""


class QuietTimer(Timer):
    """A timer whose ticks are among the inputs: it keeps its time, and sends nothing."""

    __slots__ = ()

    def _ring(self) -> None:
        if self._interval is None:
            self._forget()
        else:
            self._again(self._interval)


class Stage(Observer):
    """Sets up one replay.

    Args:
        path: of the replayed actor.
        incarnation: that its context tells.
        answers: what its asks come to.
        runs_children: whether its children are real.
    """

    level = "turns"

    def __init__(self, path: str, incarnation: int, answers: Answers, *, runs_children: bool) -> None:
        self.path = path
        self.incarnation = incarnation
        self.answers = answers
        self.runs_children = runs_children
        self.subject: Cell | None = None
        self.errors: list[BaseException] = []
        self.moved = asyncio.Event()
        """Set whenever a turn of the replayed actor ends."""
        self.on_constructed: Callable[[Any], None] | None = None
        self.system = _System("replay", self)
        self.system._runtime.faces = Faces(Actor, self._make_ref, self._make_context)

    def _make_ref(self, cell: Cell) -> ActorRef[Any]:
        return _Ref(cell, self)

    def _make_context(self, cell: Cell) -> Context:
        return _Context(cell, self) if cell.path == self.path else Context(cell)

    # -- who is there ------------------------------------------------------------------------------

    def ref_of(self, path: str) -> ActorRef[Any]:
        """Return the ref of a path; a stub is put there if there is nobody."""
        table: Any = self.system._runtime.root
        cell: Any = None
        below = path.strip("/").split("/")
        if self.subject is not None and f"{path}/".startswith(f"{self.path}/"):
            cell = self.subject  # which may be in no table yet
            below = path.removeprefix(self.path).strip("/").split("/") if path != self.path else []
        for name in below:
            if cell is not None:
                table = cell.offspring()
            cell = table.table.get(name) or table.start(Stub, (), name, Mailbox(None), Options())
        found: ActorRef[Any] = cell.ref
        return found

    def table_of_subject(self) -> Any:
        """Return the table of siblings that the replayed actor belongs to."""
        parent = self.path.rpartition("/")[0]
        return self.ref_of(parent)._cell.offspring() if parent else self.system._runtime.root

    def timer(self) -> QuietTimer:
        """Return a timer that has rung."""
        assert self.subject is not None
        return QuietTimer(self.subject, None, None, None)

    def is_asking(self) -> bool:
        """Tell whether code of the replayed actor runs: a turn, or what belongs to it."""
        cell = current_cell()
        return cell is not None and cell is self.subject

    def is_in_turn(self) -> bool:
        """Tell whether a turn of the replayed actor runs."""
        current: Any = self.system._runtime.current()
        return (
            current.cell if isinstance(current, InterleavedCall) else current
        ) is self.subject and current is not None

    def is_real(self, cell: Cell) -> bool:
        """Tell whether an actor is more than a stub, and not the replayed one."""
        return cell is not self.subject and not isinstance(cell.instance, Stub)

    # -- what is told ------------------------------------------------------------------------------

    def constructed(self, cell: Cell) -> None:
        """Put the checkpoint in as soon as there is an instance."""
        if cell.path == self.path and self.subject is None:
            self.subject = cell
            if self.on_constructed is not None:
                self.on_constructed(cell)

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Keep the failure."""
        if cell is self.subject:
            self.errors.append(error)
            self.moved.set()

    def ended(self, cell: Cell, item: Any) -> None:
        """A turn has ended."""
        if cell is self.subject:
            self.moved.set()

    def ended_beside(self, cell: Cell, item: Any) -> None:
        """An interleaved call has ended."""
        self.ended(cell, item)

    def ended_for_good(self, cell: Cell, reason: Any) -> None:
        """It takes no more inputs."""
        self.ended(cell, None)


class _System(ActorSystem):
    """A system in which there is a stub for whomever the replayed actor looks up."""

    def __init__(self, name: str, stage: Stage) -> None:
        super().__init__(name)
        self._stage = stage

    def lookup(self, name: str, expect: type[Any] | None = None) -> ActorRef[Any]:
        try:
            return super().lookup(name, expect)  # type: ignore[arg-type]
        except (NameNotFoundError, TypeError):
            return self._stage.ref_of(name)


class _Ref(ActorRef[Any]):
    """A ref that tells the mail of the replayed actor from that of the replay."""

    __slots__ = ("_stage",)

    def __init__(self, cell: Cell, stage: Stage) -> None:
        super().__init__(cell)
        self._stage = stage

    def send(self, message: Any) -> Awaitable[None]:
        return super().send(message) if self._stage.is_real(self._cell) else self._sent

    def send_nowait(self, message: Any) -> None:
        if self._stage.is_real(self._cell):
            super().send_nowait(message)

    def send_threadsafe(self, message: Any) -> None:
        if self._stage.is_real(self._cell):
            super().send_threadsafe(message)

    async def ask(self, message: Any, *, timeout: float | None = None) -> Any:
        stage = self._stage
        check_optional_duration("timeout", timeout)
        if stage.is_in_turn() and self._cell is not stage.subject:
            return await stage.answers.to(self.path, message, ())
        if not stage.is_real(self._cell) and not stage.is_in_turn():
            return await asyncio.get_running_loop().create_future()  # what it brings is among the inputs
        return await super().ask(message, timeout=timeout)

    async def call(  # type: ignore[override]
        self, method: Callable[..., Any], *args: Any, timeout: Any = ..., **kwargs: Any
    ) -> Any:
        stage = self._stage
        check_callable("call", method)
        if stage.is_in_turn() and self._cell is not stage.subject:
            timeout_of_call(method, timeout, kwargs)  # the method's own one is among its arguments
            return await stage.answers.to(self.path, method, args, kwargs, is_call=True)
        if not stage.is_real(self._cell) and not stage.is_in_turn():
            return await asyncio.get_running_loop().create_future()
        if timeout is not ...:
            kwargs["timeout"] = timeout
        return await super().call(method, *args, **kwargs)

    def cast(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Awaitable[None]:
        return super().cast(method, *args, **kwargs) if self._stage.is_real(self._cell) else self._sent

    def submit(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Result[Any]:
        if self._stage.is_real(self._cell):
            return super().submit(func, *args, **kwargs)
        check_callable("submit", func)
        return Result(self._cell.run_queue.loop)

    def _request_end(self, intent: int) -> None:
        if self._stage.is_real(self._cell) or self._cell is self._stage.subject:
            super()._request_end(intent)


class _Context(Context):
    """The context of the replayed actor: all that would send it something by itself is quiet."""

    __slots__ = ("_stage",)

    def __init__(self, cell: Cell, stage: Stage) -> None:
        super().__init__(cell)
        self._stage = stage

    @property
    def incarnation(self) -> int:
        self._own()
        return self._stage.incarnation

    def watch(self, ref: ActorRef[Any]) -> None:
        check_ref("watch", ref)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        check_ref("unwatch", ref)

    def link(self, ref: ActorRef[Any]) -> None:
        check_ref("link", ref)

    def unlink(self, ref: ActorRef[Any]) -> None:
        check_ref("unlink", ref)

    async def spawn(  # type: ignore[override]
        self, factory: Any, *args: Any, name: str | None = None, **options: Any
    ) -> Any:
        if self._stage.runs_children:
            return await super().spawn(factory, *args, name=name, **options)
        return self._own().offspring().start(Stub, (), name, Mailbox(None), Options()).ref

    async def get_or_spawn(  # type: ignore[override]
        self, name: str, factory: Any, *args: Any, **options: Any
    ) -> Any:
        if self._stage.runs_children:
            return await super().get_or_spawn(name, factory, *args, **options)
        return self._stage.ref_of(f"{self.path}/{name}")

    def send_after(self, delay: float, message: Any, *, key: object = None) -> Timer:
        return QuietTimer.start(self._here(), delay, message, key)

    def send_every(self, interval: float, message: Any, *, key: object = None) -> Timer:
        return QuietTimer.start(self._here(), interval, message, key, again=True)

    def when_idle(self, delay: float | None, message: Any = None) -> None:
        check_optional_duration("delay", delay)

    def pipe(self, awaitable: Any, *, value: Any = None, error: Any = None) -> asyncio.Task[Any]:
        async def wait() -> None:
            with contextlib.suppress(Exception):  # what it came to in production is among the inputs
                await awaitable

        return self.start_soon(wait)

    def add_source(
        self, source: AsyncIterable[Any], *, item: Any = None, end: Any = None
    ) -> asyncio.Task[Any]:
        async def wait() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await close_iterator(aiter(source))

        return self.start_soon(wait)
