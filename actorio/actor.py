"""The `Actor` to subclass: its hooks and what they do unless they are overridden."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, cast

from actorio._cell.sender_context import RECEIVE
from actorio._core.hints import hint_at_methods, hint_on_actors, no_attribute_of_actor, uncover
from actorio._core.typevar import TypeVar
from actorio.errors import ExitReason, UnhandledMessageError
from actorio.policy import Supervision

if TYPE_CHECKING:
    from actorio._cell.notices import Terminated
    from actorio.context import Context

__all__ = ["Actor", "Ask", "Asks"]

M = TypeVar("M", default=Any)
R_co = TypeVar("R_co", covariant=True, default=Any)
M_co = TypeVar("M_co", covariant=True)


class Ask(Generic[R_co]):
    """A message that is answered with an R: `class Get(Ask[int])`, then `await ref.ask(Get())` is an int."""

    __slots__ = ()

    def __asks__(self) -> tuple[Self, R_co]:
        """Only for the type checkers."""
        raise NotImplementedError


class Asks(Protocol[M_co, R_co]):
    """The type of a message that `ActorRef.ask` answers, for the type checkers."""

    def __asks__(self) -> tuple[M_co, R_co]: ...


class _NoContext:
    """Stands for `context` before it is set: the runtime then puts the incarnation's own over it."""

    def __get__(self, actor: object, kind: type[Any] | None = None) -> Any:
        if actor is not None:
            no_attribute_of_actor(actor, "context")
        return self


@hint_on_actors
class Actor(Generic[M]):
    """One who handles messages, one at a time. Subclass it and write `receive`, or `run` for a loop of your own.

    The constructor is yours; no `super().__init__()` is needed. It runs once for each incarnation, with the
    arguments of `spawn`.
    """

    if TYPE_CHECKING:
        context: Context[Self]
        """All that a handler can use; set after the constructor, before `on_start`."""
    else:
        context = _NoContext()

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep what a class further behind has from being hidden by a hint; have refs hint at its methods."""
        super().__init_subclass__(**options)
        if len(cls.__bases__) > 1:
            uncover(cls)
        hint_at_methods(cls)

    supervision: ClassVar[Supervision] = Supervision()
    """How this actor supervises the children that it spawns."""

    reply_errors: ClassVar[tuple[type[Exception], ...]] = (Exception,)
    """Exceptions raised while answering an ask, call or submit that are the answer and nothing else.

    One that is not listed is the answer too, and then fails the actor."""

    async def on_start(self) -> None:
        """Prepare the incarnation; `spawn` returns after it. An exception here is raised by `spawn`."""

    def receive(self, message: M, /) -> Any:
        """Handle one message, in an `async def` or a plain function. The reply of an ask is what it returns.

        An exception fails the actor, unless it answers an ask (see `reply_errors`).

        Cancellation: a kill cancels it at its next await; nothing else does.
        """
        raise UnhandledMessageError(
            f"{type(self).__qualname__} has no receive to handle {type(message).__name__}"
        )

    async def run(self) -> None:
        """Own the loop: take messages with `await self.recv()`, answer asks with `self.context.reply(value)`.

        Returning, or letting `ActorExit` through, ends the actor normally. Without an override messages go to
        `receive`.
        """
        while True:
            message = await self.recv()
            try:
                reply = self.receive(message)
                value = await reply if isinstance(reply, Awaitable) else reply
            except Exception as error:
                if not self.context._answer_by_error(error):
                    raise
            else:
                self.context._answer(value)

    async def on_stop(self, reason: ExitReason) -> None:
        """Clean up: once for each incarnation whose `on_start` began, after its children have ended.

        Not after a kill, nor in an actor spawned with `shutdown=0`. It runs in a task of its own that no cancel
        of the actor reaches, for at most the `shutdown` seconds of the spawn.
        """

    async def on_terminated(self, event: Terminated) -> None:
        """A watched actor has ended for good; called between two messages, before those in the mailbox."""

    async def on_undelivered(self, messages: Sequence[M], reason: ExitReason) -> None:
        """Take what was left in the mailbox at the final stop, before `on_stop`; not after a kill, nor if nothing was.

        The messages of asks are not among them: their askers have been told.
        """

    def on_submit(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run submitted work, in this actor's turn: returns the value, or an awaitable of it."""
        return func(*args, **kwargs)

    async def recv(self) -> M:
        """Take the next message, for own loops: only inside `run`, directly or through what it awaits.

        It works in the actor's own task alone, for that alone takes turns. So a timeout is `asyncio.timeout` around
        it; `asyncio.wait_for` will do from Python 3.12 on, but makes a task of its own on 3.11.

        Raises:
            ActorExit: closed and drained, or stopped, or about to fail.
            RuntimeError: not inside `run`, or in another task; no message is lost.

        Cancellation: no message is lost, so a timeout around it is safe.
        """
        return cast("M", await RECEIVE)
