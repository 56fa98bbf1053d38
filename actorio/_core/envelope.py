"""Envelopes lie in a mailbox besides plain messages. `request` and `inquiry` have those that somebody waits for.

An envelope carries its sender's contextvars and knows how to run in an actor's turn and whom to tell what
came of it. It ends exactly once; whatever comes later is ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from types import FunctionType
from typing import TYPE_CHECKING, Any

from actorio._core.acceleration import accelerated, compiled
from actorio._core.run_queue import RunQueue, Waiter

if TYPE_CHECKING:
    from actorio._core.recipient import Recipient

__all__ = [
    "ANSWERED",
    "ENDED",
    "ENVELOPES",
    "FAILED",
    "NO_MESSAGE",
    "QUEUED",
    "RUNNING",
    "Cast",
    "Delivery",
    "Envelope",
    "Invocation",
    "Invoking",
    "Parcel",
    "Tick",
    "is_message",
    "payload",
]

QUEUED, RUNNING, DEFERRED, ANSWERED, FAILED, WITHDRAWN = range(6)
"""The states of an envelope; from ANSWERED on it has ended, and nothing changes that."""
ENDED = ANSWERED

NO_MESSAGE: Any = object()
"""Says that a turn is at no message; None is a message like any other."""


class Envelope:
    """A message with a way to tell what came of it."""

    # No slots here, since two bases with slots cannot be mixed: each kind has these in slots of its own.
    __slots__ = ()

    message: Any
    """What a dead letter or an error hands back."""
    sender: Context | None
    """The contextvars of who sent it, None when they are empty."""
    state: int

    def begin(self) -> bool:
        """Mark that handling begins; False when it has ended already and must not run."""
        if self.state != QUEUED:
            return False
        self.state = RUNNING  # type: ignore[misc]
        return True

    def run(self, cell: Recipient) -> Any:
        """Start the work inside the actor's turn: the value, or an awaitable of it."""
        raise NotImplementedError

    def reply(self, value: Any) -> None:
        """End with a value."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """End with an exception."""
        raise NotImplementedError

    def cancelled_by_handler(self) -> None:
        """End since the handler was cancelled from the inside."""
        raise NotImplementedError

    @property
    def answers(self) -> bool:
        """Tell whether somebody gets to see an exception of the work."""
        return True

    @property
    def is_message(self) -> bool:
        """Tell whether `recv` hands its message to an own loop; other work is done on the way."""
        return False

    def defer(self) -> None:
        """Somebody took it away, to be answered later."""
        self.state = DEFERRED  # type: ignore[misc]


@accelerated
class ParcelCore:
    """The fields of a parcel."""

    __slots__ = ("message", "sender", "state")

    def __init__(self, message: Any, sender: Context | None) -> None:
        self.message = message
        self.sender = sender
        self.state = QUEUED


class Parcel(ParcelCore, Envelope):
    """A plain message with its sender's contextvars.

    A message whose sender has none lies in the mailbox as it is: nothing to allocate, and nothing for the
    garbage collector to look at (the benchmark `counting` pays for it).
    """

    __slots__ = ()

    def copy(self) -> Parcel:
        """Return another one: no two turns may share one sender's contextvars."""
        return Parcel(self.message, None if self.sender is None else self.sender.copy())

    def run(self, cell: Recipient) -> Any:
        return cell.instance.receive(self.message)

    def reply(self, value: Any) -> None:
        self.state = ANSWERED

    def fail(self, error: BaseException) -> None:
        self.state = FAILED

    def cancelled_by_handler(self) -> None:
        self.state = FAILED

    @property
    def answers(self) -> bool:
        return False

    @property
    def is_message(self) -> bool:
        return True


class Invocation:
    """A callable with its arguments."""

    __slots__ = ("args", "func", "kwargs")

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        return getattr(self.func, "__qualname__", None) or repr(self.func)


class Invoking:
    """An envelope that holds a callable with its arguments in fields of its own: an object less for each call."""

    # No slots here: see `Envelope`.
    __slots__ = ()

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    plain: tuple[str, FunctionType] | None = None
    """For a method that is known to run in a turn as it is: its name, and the function that the class has for it."""

    @property
    def invocation(self) -> Invocation:
        """The callable with its arguments."""
        return Invocation(self.func, self.args, self.kwargs)

    def forget_arguments(self) -> None:
        """Keep the callable alone, for its name."""
        self.args, self.kwargs = (), {}  # type: ignore[misc]


class Cast(Invoking, Parcel):
    """A call of a method that nobody waits for: fails the actor like a plain message."""

    __slots__ = ("args", "func", "kwargs", "plain")

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        Parcel.__init__(self, func, copy_context() or None)
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.plain = None

    def copy(self) -> Cast:
        """Return another one."""
        copied = Cast(self.func, self.args, self.kwargs)
        copied.sender = None if self.sender is None else self.sender.copy()
        return copied

    def run(self, cell: Recipient) -> Any:
        return cell.call(self)

    @property
    def is_message(self) -> bool:
        return False


class Tick(Parcel):
    """A timer's message: a cancelled or replaced one is never seen."""

    __slots__ = ("taken",)

    def __init__(self, message: Any, sender: Context | None, taken: Callable[[], None] | None) -> None:
        super().__init__(message, sender)
        self.taken = taken

    def begin(self) -> bool:
        if self.taken is not None:
            self.taken()
        return super().begin()


class Delivery(Tick):
    """A message from a task of the actor: an item of a source, what was piped. The task waits for its end."""

    __slots__ = ("is_item", "over")

    def __init__(
        self, run_queue: RunQueue, message: Any, sender: Context | None, *, is_item: bool = False
    ) -> None:
        super().__init__(message, sender, None)
        self.is_item = is_item
        self.over = Waiter(run_queue)

    def reply(self, value: Any) -> None:
        super().reply(value)
        self.over.wake()

    def fail(self, error: BaseException) -> None:
        super().fail(error)
        self.over.wake()


ENVELOPES: set[type] = {Parcel, Cast, Tick, Delivery}
"""The types of all envelopes; `request` and `inquiry` add theirs."""


def payload(item: Any) -> Any:
    """Return what a dead letter or an error hands back of an item of a mailbox."""
    return item.message if type(item) in ENVELOPES else item


def is_message(item: Any) -> bool:
    """Tell whether an item is for `receive` or `recv`; calls, casts and submitted work are not."""
    return type(item) not in ENVELOPES or item.is_message


if compiled is not None:
    compiled.bind(ENVELOPES=ENVELOPES, NO_MESSAGE=NO_MESSAGE, Parcel=Parcel, Cast=Cast)
