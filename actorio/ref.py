"""The ref of an actor: what everyone but the actor itself holds.

`send`, `send_nowait` and `ask` are the hot paths of the whole package, so the usual case (room, the right
thread) is written out in each; the benchmarks `send`, `counting` and `threadring` pay for that.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import Context as Variables
from contextvars import copy_context
from threading import get_ident
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    NoReturn,
    ParamSpec,
    Self,
    TypeVarTuple,
    Unpack,
    cast,
    overload,
)

from actorio._cell.far import not_local
from actorio._cell.notices import Joiner, Statistics, Terminated
from actorio._cell.states import Intent
from actorio._cell.stream import Stream, check_streamable
from actorio._core.acceleration import accelerated, accelerated_in, compiled
from actorio._core.checks import LONGEST, check_callable, check_duration, check_optional_duration
from actorio._core.deadlock import check_no_cycle, check_not_within
from actorio._core.envelope import ANSWERED, Cast, Parcel, payload
from actorio._core.hints import AWAIT_JOIN, check_method, hint_on_refs
from actorio._core.mailbox import Overflow
from actorio._core.request import Call, Request, Submission, timeout_of_call
from actorio._core.result import Result
from actorio._core.sending import Sending
from actorio._core.store import Item
from actorio._core.threads import Crossing
from actorio._core.typevar import TypeVar
from actorio.address import Address, check_ref
from actorio.errors import ActorStoppedError, MailboxFullError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio.actor import Actor, Asks

__all__ = ["ActorRef", "Statistics", "Terminated", "check_callable", "check_ref"]

M = TypeVar("M", default=Any)
R = TypeVar("R", default=Any)
A = TypeVar("A", bound="Actor[Any]")
A_co = TypeVar("A_co", bound="Actor[Any]", covariant=True, default="Actor[Any]")
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")


@accelerated
class RefCore:
    """The fields of a ref."""

    __slots__ = ("_cell", "_mailbox", "_sent", "_thread")


@hint_on_refs
class ActorRef(RefCore, Address, Generic[A_co]):
    """A handle of an actor, valid over its restarts; hashable and comparable by identity of the actor.

    A copy of it is the ref itself, so that messages that hold one can be copied; it cannot be pickled, since it
    belongs to its process.

    What changes anything raises `WrongThreadError` from another thread or event loop, at the call or when awaited;
    for other threads there are `send_threadsafe` and `submit_threadsafe`.
    """

    __slots__ = ("__weakref__",)

    _cell: Cell

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._mailbox = cell.mailbox
        self._sent = cell.run_queue.sent
        self._thread = cell.runtime.thread

    # -- what it is --------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The actor's name, unique among its siblings while it lives."""
        return self._cell.name

    @property
    def path(self) -> str:
        """The actor's path, like `/shop/till`."""
        return self._cell.path

    @property
    def is_alive(self) -> bool:
        """Tell whether the actor has not ended for good; true while it restarts or stops."""
        return self._cell.reason is None

    @property
    def node(self) -> str | None:
        """The name of the node that it is on; None without a cluster, or for an entity that is on none yet."""
        return self._cell.node

    @property
    def is_local(self) -> bool:
        """Tell whether it is an actor of this system; false for one of another node, entities and singletons."""
        return not self._cell.is_far

    @property
    def state(self) -> str:
        """Return where in its life it is, one of `starting`, `running`, `stopping`, `restarting` or `ended`."""
        return self._cell.state

    def statistics(self) -> Statistics:
        """Return the actor's counters."""
        return self._cell.statistics()

    def _kind(self) -> type[Any] | None:
        """Return the class of the actor, of its last instance while it has none, as far as it is known."""
        cell = self._cell
        hooks = getattr(cell, "hooks", None)
        if hooks is not None:
            return cast("type[Any]", hooks.kind)
        factory = getattr(cell, "factory", None)
        return factory if isinstance(factory, type) else None

    def __repr__(self) -> str:
        return f"<ActorRef {self.path}{'' if self.is_alive else ' (ended)'}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"the ref of {self.path} cannot be pickled: it belongs to its process; send its path")

    # -- messages ----------------------------------------------------------------------------------

    @accelerated_in(RefCore)
    def send(self: ActorRef[Actor[M]], message: M) -> Awaitable[None]:
        """Send a message, one way: `await ref.send(message)`.

        It is in the mailbox when the call returns if there was room, awaited or not. In a full mailbox (see
        `Overflow`) it has its place in the line of waiting senders, and the await is for room. An actor's send
        to itself never waits.

        What it returns goes wherever a coroutine does (`create_task`, `gather`, `start_soon(ref.send, message)`),
        though it is none, so that not awaiting it is no error; from other threads there is `send_threadsafe`.

        Raises:
            ActorStoppedError: when awaited; the actor takes no more messages. Not awaited, the message becomes
                a dead letter.
            MailboxFullError: when awaited; full, and its policy is FAIL.
            DeadlockError: when awaited; the wait for room would close a cycle of waiting actors.
            RuntimeError: when awaited; another task waits for this very send, or has given it up.
            WrongThreadError: at the call; from another thread, or from another event loop of this one (where a
                message that need not wake the actor is taken all the same).

        Cancellation: a message that still waits for room is not sent.
        """
        mailbox = self._mailbox
        items = mailbox.items
        if len(items) < mailbox.limit and get_ident() == self._thread:
            sleeper = mailbox.sleeper
            if sleeper is not None:
                sleeper.wake()
                mailbox.sleeper = None
            context = copy_context()
            items.append(Parcel(message, context) if context else message)
            return self._sent
        return self._send_item(self._packed(message))

    @accelerated_in(RefCore)
    def send_nowait(self: ActorRef[Actor[M]], message: M) -> None:
        """Send a message, or raise at once if there is no room.

        Raises:
            MailboxFullError: no room, and the policy is WAIT or FAIL.
            ActorStoppedError: the actor takes no more messages.
            WrongThreadError: from another thread or event loop.
            Exception: what the priority function of its mailbox raised.
        """
        mailbox = self._mailbox
        items = mailbox.items
        if len(items) < mailbox.limit and get_ident() == self._thread:
            sleeper = mailbox.sleeper
            if sleeper is not None:
                sleeper.wake()
                mailbox.sleeper = None
            context = copy_context()
            items.append(Parcel(message, context) if context else message)
            return
        self._send_nowait(message)

    @overload
    async def ask(self: ActorRef[Actor[M]], message: Asks[M, R], *, timeout: float | None = None) -> R: ...
    @overload  # the reply of an Ask is its own, even where another type is expected of it
    async def ask(
        self: ActorRef[Actor[M]], message: Asks[M, object], *, timeout: float | None = None
    ) -> object: ...
    @overload
    async def ask(self: ActorRef[Actor[M]], message: M, *, timeout: float | None = None) -> Any: ...
    @accelerated_in(RefCore)
    async def ask(  # noqa: PLR0915 (a call less in each ask)
        self, message: Any, *, timeout: float | None = None
    ) -> Any:
        """Send a message and wait for its reply: what `receive` returns.

        Args:
            message: an `Ask[R]` is answered with an R; anything else with Any.
            timeout: seconds for waiting in the mailbox and being handled, None for no limit. With 0 there is an
                answer only if it comes before the loop next looks at its timers.

        Raises:
            Exception: what the handler raised, the same object.
            ActorStoppedError: the actor has ended, or ended before it answered.
            AskTimeoutError: no reply in time; a message still queued will not be handled.
            AskCancelledError: the handler was cancelled from the inside.
            NoReplyError: the handler finished without a reply.
            DeadlockError: the ask would close a cycle of waiting actors.
            MailboxFullError: full, and its policy is not WAIT.
            WrongThreadError: from another thread or event loop.

        Cancellation: while queued, the message is withdrawn; a handler that has begun goes on unharmed.
        """
        if get_ident() != self._thread:
            self._check_thread()
        cell, mailbox = self._cell, self._mailbox
        request = Request(cell, message)
        if timeout is not None and not (type(timeout) is float and 0.0 <= timeout < LONGEST):
            timeout = check_duration("timeout", timeout)
        if cell.run_queue.current is not None:
            self._note_asker(request)
        if timeout is not None:
            request.timeout = timeout  # before it is queued: it goes along with what is sent to another node
            cell.run_queue.limit(request)
        if len(mailbox.items) < mailbox.limit:
            sleeper = mailbox.sleeper
            if sleeper is not None:
                sleeper.wake()
                mailbox.sleeper = None
            mailbox.items.append(request)
        else:
            self._queue(request)
        if request.state < ANSWERED:
            try:
                await request
            except BaseException as error:
                request.left(error)
                raise
        return request.value if request.state == ANSWERED else request.outcome()

    @overload
    async def call(
        self: ActorRef[A],
        method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R: ...
    @overload
    async def call(
        self: ActorRef[A], method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R: ...
    @overload
    async def call(
        self: ActorRef[A],
        method: Callable[[A, Unpack[Ts]], Coroutine[Any, Any, R]],
        *args: Unpack[Ts],
        timeout: float | None,
    ) -> R: ...
    @overload
    async def call(
        self: ActorRef[A], method: Callable[[A, Unpack[Ts]], R], *args: Unpack[Ts], timeout: float | None
    ) -> R: ...
    async def call(  # type: ignore[misc]  # noqa: C901, PLR0912, PLR0915 (as `ask`; mypy cannot see the overloads' Ts)
        self, method: Callable[..., Any], *args: Any, timeout: Any = ..., **kwargs: Any
    ) -> Any:
        """Run a method of the actor in its turn and wait for what it returns: `await ref.call(Till.total)`.

        A method that a subclass overrides is the subclass's. Errors and cancellation as in `ask`. A method with a
        `yield` in it is a `TypeError`: see `stream`.

        Args:
            method: of the actor's class.
            args: its arguments.
            timeout: as in `ask`; but it is the method's own, where that takes a `timeout`.
            kwargs: its keyword arguments.
        """
        cell, mailbox = self._cell, self._mailbox
        try:
            plain = cell.hooks.plain[method]  # type: ignore[union-attr]
        except (KeyError, TypeError, AttributeError):  # not called before; no function; not begun, or far
            plain = None
        if plain is None:
            check_callable("call", method)
            check_method("call", method)
        if get_ident() != self._thread:
            self._check_thread()
        timeout = None if timeout is ... else timeout_of_call(method, timeout, kwargs)
        call = Call(cell, method)
        call.func = method
        call.args = args
        call.kwargs = kwargs
        call.plain = plain
        if timeout is not None:
            call.timeout = timeout
        if plain is not None or not cell.begin_interleaved(call):
            if cell.run_queue.current is not None:
                self._note_asker(call)
            if len(mailbox.items) < mailbox.limit:
                sleeper = mailbox.sleeper
                if sleeper is not None:
                    sleeper.wake()
                    mailbox.sleeper = None
                mailbox.items.append(call)
            else:
                self._queue(call)
        if timeout is not None:
            call.limit(timeout)
        if call.state < ANSWERED:
            try:
                await call
            except BaseException as error:
                call.left(error)
                raise
        return call.value if call.state == ANSWERED else call.outcome()

    def cast(
        self: ActorRef[A], method: Callable[Concatenate[A, P], Any], *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[None]:
        """Run a method of the actor in its turn, one way: to `call` as `send` is to `ask`.

        Raises and cancellation as in `send`; what is no method of the actor's fails it, since nobody waits.

        Raises:
            TypeError: at the call; not a callable, or with a `yield` in it.
        """
        cell, mailbox = self._cell, self._mailbox
        try:
            plain = cell.hooks.plain[method]  # type: ignore[union-attr]
        except (KeyError, TypeError, AttributeError):
            plain = None
        if plain is not None and len(mailbox.items) < mailbox.limit and get_ident() == self._thread:
            call = Cast(method, args, kwargs)
            call.plain = plain
            sleeper = mailbox.sleeper
            if sleeper is not None:
                sleeper.wake()
                mailbox.sleeper = None
            mailbox.items.append(call)
            return self._sent
        check_callable("cast", method)
        check_method("cast", method)
        self._check_thread()
        call = Cast(method, args, kwargs)
        try:
            return self._sent if cell.begin_interleaved(call) else self._send_item(call)
        except MailboxFullError as error:
            return Sending(cell, call, error)

    @overload
    def submit(
        self, func: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> Result[R]: ...
    @overload
    def submit(self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Result[R]: ...
    def submit(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Result[Any]:
        """Send a function or coroutine function as a message: it runs in the actor's turn, between messages.

        Returns:
            A `Result`: await it, cancel it, pass it on. It fails with `ActorStoppedError` or
            `MailboxFullError` where `ask` would raise them.

        Raises:
            TypeError: not a callable, a coroutine object for instance, or with a `yield` in it.
            WrongThreadError: from another thread; from another event loop of this one as `send` does, or when awaited.
        """
        check_callable("submit", func)
        cell = self._cell
        if cell.is_far:
            raise not_local("submit", self.path)
        if get_ident() != self._thread:
            self._check_thread()
        submission = Submission(cell, func, args, kwargs)
        self._queue(submission)
        return submission.result

    def stream(
        self: ActorRef[A],
        method: Callable[Concatenate[A, P], AsyncIterator[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Stream[R]:
        """Run a method of the actor that is an async generator in its turn: `async for item in ...`.

        Leaving the loop ends it, but not while it is kept in a variable: then use `async with ref.stream(...) as
        items`. See `Stream`. It raises as `submit` does, when the first item is asked for.

        Raises:
            TypeError: at the call; not a callable, a coroutine function, or a generator that is not async.
        """
        check_callable("stream", method, may_yield=True)
        check_method("stream", method)
        check_streamable(method)
        if self._cell.is_far:
            raise not_local("stream", self.path)
        return Stream(self, method, args, kwargs)

    # -- its end -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Accept no more, handle what was accepted, and end. Idempotent."""
        return self._request_end(Intent.CLOSE)

    def stop(self) -> None:
        """Stop after the current message; the rest of the mailbox is undelivered. Idempotent."""
        return self._request_end(Intent.STOP)

    def kill(self) -> None:
        """Cancel it at its next await; its `on_stop` does not run, its children are killed. Idempotent."""
        return self._request_end(Intent.KILL)

    async def join(self, timeout: float | None = None) -> Terminated:
        """Wait until the actor has ended for good and everything of it is gone.

        Raises:
            TimeoutError: not within `timeout` seconds; with 0, it had not ended when the loop next looked at
                its timers.
            DeadlockError: called in a turn that the actor waits for, in its own, or in one of an actor below it,
                which it waits for before it ends.
            WrongThreadError: from another thread or event loop.

        Cancellation: only this wait ends.
        """
        if timeout is not None:
            timeout = check_optional_duration("timeout", timeout)
        self._check_thread()
        cell = self._cell
        return cell.terminated() if cell.reason is not None else await self._join(cell, timeout)

    async def _join(self, cell: Cell, timeout: float | None) -> Terminated:
        waiting = cell.runtime.current()
        if waiting is not None:
            check_not_within(waiting, cell)
        release = cell.wait_of_current()
        joiner = Joiner(cell.run_queue)
        cell.add_joiner(joiner)
        alarm = None if timeout is None else cell.runtime.timers.after(timeout, joiner.wake)
        try:
            while not cell.has_ended:
                if alarm is not None and not alarm.pending:
                    raise TimeoutError(f"actor {self.path} had not ended within {timeout:g} s")
                await joiner
            return joiner.notice or cell.terminated()
        finally:
            cell.drop_joiner(joiner)
            if alarm is not None:
                alarm.cancel()
            if release is not None:
                release()

    # -- the doors for other threads ---------------------------------------------------------------

    def send_threadsafe(self: ActorRef[Actor[M]], message: M) -> None:
        """Send a message from any thread, in order per thread. Returns at once; never waits for room.

        So there is no back pressure: what finds no room waits in line, as a send that is not awaited does. A thread
        that may be faster than the actor waits for it by `ask_threadsafe(...).result()` now and then, or the mailbox
        has an `Overflow` that drops. A message that cannot be delivered any more becomes a dead letter.

        Raises:
            ActorStoppedError: the system has ended.
        """
        item = self._packed(message)

        def send() -> None:
            try:
                self._send_item(item)
            except Exception:  # a priority function's: nobody waits for this send
                self._cell.dead_letter(message, "unsent")

        self._cell.runtime.from_thread(send, message)

    @overload
    def submit_threadsafe(
        self, func: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[R]: ...
    @overload
    def submit_threadsafe(
        self, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[R]: ...
    def submit_threadsafe(
        self, func: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        """Submit work from any thread; cancelling the future cancels the work.

        Raises:
            ActorStoppedError: the system has ended.
            TypeError: not a callable, or with a `yield` in it.
        """
        check_callable("submit_threadsafe", func)
        if self._cell.is_far:
            raise not_local("submit_threadsafe", self.path)
        crossing: Crossing[Any] = Crossing(self._cell.runtime)

        def submit() -> None:
            result: Result[Any] = self.submit(func, *args, **kwargs)
            result.add_done_callback(lambda _: crossing.end_as(result))
            crossing.on_cancel(result.cancel)

        crossing.begin(submit, func)
        return crossing

    @overload
    def ask_threadsafe(
        self: ActorRef[Actor[M]], message: Asks[M, R], *, timeout: float | None = None
    ) -> concurrent.futures.Future[R]: ...
    @overload
    def ask_threadsafe(
        self: ActorRef[Actor[M]], message: M, *, timeout: float | None = None
    ) -> concurrent.futures.Future[Any]: ...
    def ask_threadsafe(self, message: Any, *, timeout: float | None = None) -> concurrent.futures.Future[Any]:
        """Ask from any thread: `ref.ask_threadsafe(Get("a"), timeout=5).result()` waits for the reply, and is it.

        Errors as in `ask`; cancelling the future withdraws the question as a cancel there does. The timeout counts
        from when the system's thread takes the question.

        Raises:
            ActorStoppedError: the system has ended.
            WrongThreadError: by `result` and `exception` on the system's own thread, before there is a reply.
        """
        timeout = check_optional_duration("timeout", timeout)
        return self._request_threadsafe(lambda: Request(self._cell, message), timeout, message)

    @overload
    def call_threadsafe(
        self: ActorRef[A],
        method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> concurrent.futures.Future[R]: ...
    @overload
    def call_threadsafe(
        self: ActorRef[A], method: Callable[Concatenate[A, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[R]: ...
    @overload
    def call_threadsafe(
        self: ActorRef[A],
        method: Callable[[A, Unpack[Ts]], Coroutine[Any, Any, R]],
        *args: Unpack[Ts],
        timeout: float | None,
    ) -> concurrent.futures.Future[R]: ...
    @overload
    def call_threadsafe(
        self: ActorRef[A], method: Callable[[A, Unpack[Ts]], R], *args: Unpack[Ts], timeout: float | None
    ) -> concurrent.futures.Future[R]: ...
    def call_threadsafe(  # type: ignore[misc]  # as in `call`
        self, method: Callable[..., Any], *args: Any, timeout: Any = ..., **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        """Call a method from any thread: to `call` what `ask_threadsafe` is to `ask`."""
        check_callable("call_threadsafe", method)
        check_method("call_threadsafe", method)
        timeout = timeout_of_call(method, timeout, kwargs)
        return self._request_threadsafe(lambda: Call.of(self._cell, method, args, kwargs), timeout, method)

    def _request_threadsafe(
        self, make: Callable[[], Request], timeout: float | None, handed_back: object
    ) -> concurrent.futures.Future[Any]:
        crossing: Crossing[Any] = Crossing(self._cell.runtime)

        def ask() -> None:
            request = make()
            if timeout is not None:
                request.timeout = timeout
            if not (isinstance(request, Call) and self._cell.begin_interleaved(request)):
                self._queue(request)
            request.limit(timeout)
            request.add_done_callback(lambda _: crossing.end_as(request), context=Variables())
            crossing.on_cancel(lambda: request.left(asyncio.CancelledError()))

        crossing.begin(ask, handed_back)
        return crossing

    # -- inside ------------------------------------------------------------------------------------

    def _packed(self, message: Any) -> Item:
        """Return what goes into the mailbox; where arrivals are observed, a parcel, to tell equal messages apart."""
        context = copy_context() or None
        return message if context is None and not self._cell.observers.arrivals else Parcel(message, context)

    def _check_thread(self) -> None:
        if get_ident() != self._thread or asyncio._get_running_loop() not in (
            self._cell.run_queue.loop,
            None,
        ):
            instead = "; use send_threadsafe, ask_threadsafe, call_threadsafe or submit_threadsafe"
            raise self._cell.runtime.wrong_thread(self.path, instead)

    def _send_nowait(self, message: Any) -> None:
        """Everything that is not the usual case of `send_nowait`."""
        self._check_thread()
        if not self._cell.put(self._packed(message)):
            raise MailboxFullError(self, message)

    def _send_item(self, item: Item) -> Awaitable[None]:
        """Everything that is not the usual case of `send`."""
        self._check_thread()
        try:
            if self._cell.put(item):
                return self._sent
        except ActorStoppedError as error:
            return Sending(self._cell, item, error)
        if self._mailbox.overflow is Overflow.FAIL:
            return Sending(self._cell, item, MailboxFullError(self, payload(item)))
        sending = Sending(self._cell, item, None)
        self._cell.queue_up(item, sending)
        return sending

    def _note_asker(self, request: Request) -> None:
        """The actor whose turn it is waits for this one from now on, unless that closes a cycle."""
        cell = self._cell
        asker = cell.runtime.current()
        if asker is not None:
            if (cell.waits_on is not None or cell is asker) and not cell.mailbox.closed:  # else it is refused
                check_no_cycle(asker, cell)
            asker.waits_on = cell
            request.asker = asker

    def _queue(self, envelope: Request | Submission) -> None:
        """Put an ask, a call or submitted work in, or in line; what cannot be is failed."""
        mailbox = self._mailbox
        if len(mailbox.items) < mailbox.limit:
            sleeper = mailbox.sleeper
            if sleeper is not None:
                sleeper.wake()
                mailbox.sleeper = None
            mailbox.items.append(envelope)
            return
        if (tell := self._cell.observers.asked) is not None:
            tell(self._cell, envelope)
        try:
            if not self._cell.put(envelope):
                if self._mailbox.overflow is Overflow.FAIL:
                    envelope.fail(MailboxFullError(self, envelope.message))
                else:
                    self._cell.queue_up(envelope, envelope)
        except Exception as error:  # it is closed, or the message has no priority
            envelope.fail(error)

    def _request_end(self, intent: int) -> None:
        self._check_thread()
        self._cell.request(intent)
        return cast("None", AWAIT_JOIN)  # for whoever awaits it


if compiled is not None:
    compiled.bind(ActorRef=ActorRef, LONGEST=LONGEST, check_duration=check_duration)
