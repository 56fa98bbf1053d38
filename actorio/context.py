"""The `Context`: all that the handlers of an actor can use."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Never, TypeVarTuple, Unpack, cast

from actorio._cell.handler import answer_by_error, is_of_this_message
from actorio._cell.owned.idle_timeout import IdleTimeout
from actorio._cell.owned.pipe import pipe
from actorio._cell.owned.source import add_source
from actorio._cell.owned.stash import Stash
from actorio._cell.owned.timer import Timer
from actorio._cell.states import Intent
from actorio._core.checks import check_callable, check_instance
from actorio._core.envelope import RUNNING
from actorio._core.hints import RETURN_NOW, hint_on_contexts
from actorio._core.typevar import TypeVar
from actorio._tree.spawning import ChildOptions, Spawning, get_or_spawn, spawn
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.errors import ActorError
from actorio.policy import Restart
from actorio.work.pool import PoolOptions, PoolRef, spawn_pool

if TYPE_CHECKING:
    import asyncio

    from actorio._cell.cell import Cell
    from actorio._core.mailbox import Mailbox
    from actorio._core.result import Result
    from actorio.ref import ActorRef
    from actorio.system import ActorSystem

__all__ = ["Context"]

A = TypeVar("A", bound=Actor[Any])
A_co = TypeVar("A_co", bound=Actor[Any], covariant=True, default=Actor[Any])
M = TypeVar("M", default=Any)
R = TypeVar("R", default=Any)
Ts = TypeVarTuple("Ts")


@hint_on_contexts
class Context(Generic[A_co]):
    """An incarnation's view of itself and of the system.

    Using it after the incarnation has ended raises `ActorError`; from another thread or event loop what changes
    anything raises `WrongThreadError`.
    """

    __slots__ = ("_cell",)

    _cell: Cell | None

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def _own(self) -> Cell:
        if self._cell is None:
            raise ActorError("this context belongs to an incarnation that has ended")
        return self._cell

    def _here(self) -> Cell:
        """Return the cell, to change something of it: from the system's thread alone."""
        cell = self._own()
        cell.runtime.check_thread()
        return cell

    @property
    def ref(self) -> ActorRef[A_co]:
        """The actor's own ref, to be passed on."""
        return cast("ActorRef[Any]", self._own().ref)

    @property
    def system(self) -> ActorSystem:
        """The system it lives in."""
        return cast("ActorSystem", self._own().runtime.system)

    @property
    def name(self) -> str:
        """Its name, unique among its siblings."""
        return self._own().name

    @property
    def name_given(self) -> bool:
        """Tell whether `spawn` was given its name; otherwise it was made up, and the next one like it has another."""
        return self._own().name_given

    @property
    def path(self) -> str:
        """Its path, like `/shop/till`."""
        return self._own().path

    @property
    def incarnation(self) -> int:
        """How often it was restarted."""
        return self._own().incarnation

    @property
    def children(self) -> tuple[ActorRef[Any], ...]:
        """Its living children, in start order."""
        children = self._own().children
        return () if children is None else tuple(cell.ref for cell in children.table.values())

    @property
    def parent(self) -> ActorRef[Any] | None:
        """Its parent, None at the top level."""
        owner = self._own().siblings.owner
        return cast("ActorRef[Any] | None", getattr(owner, "ref", None))

    # -- children ----------------------------------------------------------------------------------

    def spawn(
        self,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        name: str | None = None,
        mailbox: Mailbox[Any] | None = None,
        restart: Restart = Restart.TRANSIENT,
        shutdown: float | None = 5.0,
        start_timeout: float | None = None,
        significant: bool = False,
        dynamic: bool = False,
        **unknown: Never,
    ) -> Coroutine[Any, Never, ActorRef[A]]:
        """Spawn a child, supervised by this actor. What is not said here is as in `ActorSystem.spawn`.

        Args:
            significant: its end by itself may end this actor, see `AutoShutdown`.
            dynamic: one of many alike: they are stopped together, not one after the other.
            unknown: there are no others.
        """
        return Spawning(
            spawn(
                self._offspring,
                factory,
                args,
                name,
                mailbox,
                restart,
                shutdown,
                start_timeout,
                significant=significant,
                dynamic=dynamic,
                unknown=unknown,
            )
        )

    def spawn_pool(
        self, factory: Callable[[Unpack[Ts]], A], *args: Unpack[Ts], **options: Unpack[PoolOptions]
    ) -> Coroutine[Any, Never, PoolRef[A]]:
        """Spawn a pool as a child; options and promises as in `actorio.work.pool`."""
        return Spawning(spawn_pool(self.spawn, self.system, factory, args, options))

    def get_or_spawn(
        self,
        name: str,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        **options: Unpack[ChildOptions],
    ) -> Coroutine[Any, Never, ActorRef[A]]:
        """Return the child of that name, spawned if there is none; two calls at once give one actor.

        As `ActorSystem.get_or_spawn` does: whoever has the name is returned, made by that factory or not.
        """
        return Spawning(get_or_spawn(self._offspring, name, factory, args, options))

    def _offspring(self) -> Any:
        """Return the table of its children, to put one in: from the system's thread alone."""
        cell = self._own()
        cell.runtime.check_usable()
        return cell.offspring()

    # -- other actors ------------------------------------------------------------------------------

    def watch(self, ref: ActorRef[Any]) -> None:
        """Call `on_terminated` once when that actor has ended for good, now if it has. Idempotent."""
        self._here().watch(_reached("watch", ref))

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Take a watch back; a notice that is queued already is not seen any more."""
        self._here().unwatch(_reached("unwatch", ref))

    def link(self, ref: ActorRef[Any]) -> None:
        """Bind the fates of both incarnations: when one fails or is killed, the other fails.

        An orderly stop of one stops the other, a normal end does not spread. A link ends with either
        incarnation; make it anew in `on_start`.
        """
        self._here().link(_reached("link", ref))

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Take a link back."""
        self._here().unlink(_reached("unlink", ref))

    # -- time and tasks ----------------------------------------------------------------------------

    def send_after(self: Context[Actor[M]], delay: float, message: M, *, key: object = None) -> Timer:
        """Send `message` to this actor after `delay` seconds; one of the same `key` is replaced."""
        return Timer.start(self._here(), delay, message, key)

    def send_every(self: Context[Actor[M]], interval: float, message: M, *, key: object = None) -> Timer:
        """Send `message` to this actor every `interval` seconds, the first time after one interval.

        Ticks neither drift nor pile up: while one is not handled yet, those that fall due are left out.
        """
        return Timer.start(self._here(), interval, message, key, again=True)

    def when_idle(self, delay: float | None, message: Any = None) -> None:
        """Send `message` to this actor once per silence of `delay` seconds; None: no more.

        A silence begins with this call, and whenever a message, a call or submitted work has been handled. Ticks of
        timers, the idle message among them, neither end one nor begin one.

        Raises:
            ActorError: the actor has a loop of its own: put a timeout around its `recv`.
        """
        IdleTimeout.set(self._here(), delay, message)

    def start_soon(
        self, func: Callable[[Unpack[Ts]], Awaitable[Any]], *args: Unpack[Ts]
    ) -> asyncio.Task[Any]:
        """Start a task owned by this incarnation: cancelled with it, and its failure is the actor's failure.

        `start_soon(ref.send, message)` sends at once, and waits for room beside the turns if there is none.

        Raises:
            TypeError: what it returns cannot be awaited.
        """
        check_callable("start_soon", func)
        return self._here().start_soon(func, args, copy_context())

    def pipe(
        self,
        awaitable: Awaitable[R],
        *,
        value: Callable[[R], Any] | None = None,
        error: Callable[[Exception], Any] | None = None,
    ) -> asyncio.Task[Any]:
        """Await `awaitable` in a task, and send this actor its outcome as a message, while it goes on with its mail.

        It is never delivered to a later incarnation. Cancelling the task that is returned takes it back.

        Args:
            awaitable: a coroutine, a `Result`, a future.
            value: makes the message of the value; None sends the value itself.
            error: makes the message of an exception; None sends `PipeFailed`.

        Raises:
            TypeError: an argument is not of its kind.
        """
        return pipe(self._here(), awaitable, value, error)

    def add_source(
        self,
        source: AsyncIterable[R],
        *,
        item: Callable[[R], Any] | None = None,
        end: Callable[[], Any] | None = None,
    ) -> asyncio.Task[Any]:
        """Handle the items of an async iterable as messages, one at a time, besides the mailbox.

        The next item is asked for when the one before has been handled. What the source raises fails this
        actor; the end of this incarnation, or cancelling the task that is returned, closes the source.

        Args:
            source: an async generator, a stream, anything for `async for`.
            item: makes the message of an item; None sends the item itself.
            end: makes the message of the end of the source; None sends none.
        """
        return add_source(self._here(), source, item, end)

    # -- the current message -----------------------------------------------------------------------

    def stash(self, message: Any, *, capacity: int = 1000) -> None:
        """Put the current message aside until `unstash_all`; an ask goes on waiting, as long as its timeout.

        What is stashed goes back into the mailbox at a restart, and is undelivered at the end.

        Raises:
            MailboxFullError: `capacity` messages are stashed already.
            ActorError: it is not the message that is being handled.
        """
        Stash.of(self._here()).put(message, capacity)

    def unstash_all(self) -> int:
        """Handle what was stashed next, in its order, before what is in the mailbox; returns how many."""
        return Stash.of(self._here()).put_back()

    def reply(self, value: Any) -> None:
        """Answer the current ask, from an own loop or early; nothing happens when nobody asked."""
        envelope = self._here().at_hand()
        if envelope is not None and envelope.answers:
            envelope.reply(value)

    def _answer(self, value: Any) -> None:
        """Answer the current message by what its handler has returned, unless it was put aside or answered."""
        envelope = self._own().envelope
        if envelope is not None and envelope.state == RUNNING:
            envelope.reply(value)

    def _answer_by_error(self, error: Exception) -> bool:
        """Answer the current message by what its handler has raised; False when that fails the actor as well."""
        cell = self._own()
        if cell.envelope is not None:
            return answer_by_error(cell, cell.envelope, error)
        if is_of_this_message(error):
            cell.unhandled(cell.message)
            return True
        return False

    def defer(self) -> Result[Any]:
        """Take the current ask away, to answer it later with `set_result` or `set_exception`.

        Dropped unanswered, its asker gets `NoReplyError`; when the incarnation ends first, `ActorStoppedError`.

        Both, and `cancel`, raise `WrongThreadError` from another thread or event loop.

        Raises:
            ActorError: the current message expects no reply, or was replied to.
        """
        return self._here().defer()

    @property
    def in_turn(self) -> bool:
        """Tell whether the caller runs in a turn of this actor, and not in a task or an interleaved call of it."""
        cell = self._own()
        return cell.runtime.current() is cell

    def fail(self, error: BaseException) -> None:
        """Fail this incarnation with `error` after the current message, whatever `reply_errors` says.

        Idempotent: the first error counts. A message that fails by itself fails with its own error.

        Raises:
            TypeError: `error` is no exception.
        """
        self._here().fail_from_outside(check_instance("error", error, BaseException))

    def stop(self) -> None:
        """End this actor after the current message, normally; a permanent one is restarted."""
        self._here().request(Intent.STOP_SELF)
        return cast("None", RETURN_NOW)  # for whoever awaits it


def _reached(what: str, ref: ActorRef[Any]) -> Cell:
    """Return the cell of another actor, which is about to be written to: on its own thread, or when it is all over."""
    check_ref(what, ref)
    runtime = ref._cell.runtime
    if not runtime.has_ended:
        runtime.check_thread()
    return ref._cell
