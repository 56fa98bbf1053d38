"""The errors of actorio, all of them.

::

    Exception
    ├── ActorError                  everything below
    │   ├── ActorStoppedError       the target has ended, or ended before it could answer
    │   ├── AskTimeoutError         no answer in time (also a TimeoutError)
    │   ├── AskCancelledError       the work was cancelled before it could answer
    │   ├── NoReplyError            the handler finished without an answer
    │   ├── DeadlockError           waiting would have closed a cycle of waiting actors
    │   ├── MailboxFullError        no room, and the sender does not wait
    │   ├── NameInUseError          a sibling, a top-level actor or an alias has that name
    │   ├── NameNotFoundError       nobody has that name (also a LookupError)
    │   ├── StartTimeoutError       on_start took longer than start_timeout (also a TimeoutError)
    │   ├── ChildError              an operation on a supervisor's child does not fit the child's state
    │   │   ├── ChildNotFoundError  there is no such child (also a NameNotFoundError)
    │   │   └── ChildInUseError     there is one already (also a NameInUseError)
    │   ├── RestartLimitError       more restarts than the supervision allows
    │   ├── LinkedActorError        an actor linked to this one has failed
    │   ├── UnhandledMessageError   the actor does not take that message
    │   ├── WorkerError             the process of a worker died, or work could not be sent to it
    │   ├── StoreError              of durable actors; by itself: not a store, of a newer schema, SQL of a projection
    │   │   ├── NotStorableError    it cannot be written and read back as it is (also a ValueError)
    │   │   ├── StoreUnavailableError   certainly not written: the database is away or locked
    │   │   │   └── StoreFullError  certainly not written: no room on the disk
    │   │   ├── OutcomeUnknownError written or not, nobody can say now; recovery will
    │   │   ├── ConflictError       another writer was first; nothing was written
    │   │   ├── RecoveryError       what is stored cannot become a state
    │   │   │   └── DamagedError    a checksum is wrong, something is missing, or the database says so
    │   │   ├── AlreadyOpenError    the durable id is open in this system
    │   │   ├── StoreInUseError     another process or store object holds the file
    │   │   ├── StoreFailedError    an I/O error or a failed sync has ended the store for good
    │   │   └── StoreClosedError    not open, closed, or used in a forked child
    │   ├── WrongThreadError        called from a thread or an event loop that is not the system's
    │   └── ClusterError            no cluster, or no agreement on how it works
    │       ├── DeliveryUnknownError   sent, then its node was lost: it may have been handled, or not
    │       ├── NoHostError         no living node hosts it; not handled (also a LookupError)
    │       ├── RefusedError        not taken by its node; not handled
    │       ├── NotSendableError    of a type that is not registered (also a TypeError)
    │       ├── MessageTooLargeError   more bytes than the limit (also a ValueError)
    │       ├── NotLocalError       can be done only where the actor lives
    │       ├── NodeNameInUseError  a living node has that name
    │       ├── DetachedError       this node holds no lease
    │       ├── EngineError         the engine was not reached, or does not let this node in
    │       └── RemoteError         an exception of another node, of a type that is not registered here
    └── ActorExit                   control flow of own loops, not an error
"""

from __future__ import annotations

import contextlib
import copy
import enum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from actorio.describing import describe

if TYPE_CHECKING:
    from actorio.address import Address

__all__ = [
    "ActorError",
    "ActorExit",
    "ActorStoppedError",
    "AlreadyOpenError",
    "AskCancelledError",
    "AskTimeoutError",
    "ChildError",
    "ClusterError",
    "ConflictError",
    "DamagedError",
    "DeadlockError",
    "DeliveryUnknownError",
    "DetachedError",
    "EngineError",
    "ExitReason",
    "LinkedActorError",
    "MailboxFullError",
    "MessageTooLargeError",
    "NameInUseError",
    "NameNotFoundError",
    "NoHostError",
    "NoReplyError",
    "NodeNameInUseError",
    "NotLocalError",
    "NotSendableError",
    "NotStorableError",
    "OutcomeUnknownError",
    "RecoveryError",
    "Refusal",
    "RefusedError",
    "RemoteError",
    "RestartLimitError",
    "StartTimeoutError",
    "StoreClosedError",
    "StoreError",
    "StoreFailedError",
    "StoreFullError",
    "StoreInUseError",
    "StoreUnavailableError",
    "UnhandledMessageError",
    "WorkerError",
    "WrongThreadError",
    "describe",
    "exit_in",
    "is_actor_exit",
    "note_exit",
]

E = TypeVar("E", bound="ActorError")


class ExitReason(enum.Enum):
    """Why an actor, or one incarnation of it, has ended.

    Source: the exit reasons `normal`, `shutdown`, `killed` of Erlang/OTP.
    """

    NORMAL = "normal"
    """It closed, its own loop returned, or it stopped itself."""
    SHUTDOWN = "shutdown"
    """It was stopped in order, by hand or by its supervisor."""
    KILLED = "killed"
    """It was killed."""
    CRASHED = "crashed"
    """It failed and is not restarted."""
    LOST = "lost"
    """Its node was lost, and nobody knows whether it has ended."""


class Refusal(enum.Enum):
    """Why another node did not take a message."""

    UNKNOWN_TYPE = "unknown_type"
    """It knows no type or method of that name."""
    BAD_DATA = "bad_data"
    """The data does not fit the type."""
    NOT_EXPOSED = "not_exposed"
    """It does not let others call that method, or spawn that class."""


class ActorExit(Exception):
    """Raised by `Actor.recv` when the actor is closed and drained, or stopped. Raise it to end an own loop."""

    answered_by: str | None = None
    """The path of the actor that ended by it as it handled an ask. For its asker it is an error like any other."""


class ActorError(Exception):
    """The root of all errors of actorio.

    All can be copied, and pickled with their text and what belongs to no process: in what comes out of a pickle,
    `ref` and `undelivered` are None.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        kept = {name: None if name in _OF_ITS_PROCESS else value for name, value in self.__dict__.items()}
        return _again, (type(self), self.args), kept

    def __copy__(self) -> Self:
        return self._twin(self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._twin(copy.deepcopy(self.__dict__, memo))

    def _twin(self, attributes: dict[str, Any]) -> Self:
        twin = _again(type(self), self.args)
        twin.__dict__.update(attributes)
        return twin


class ActorStoppedError(ActorError):
    """The actor (or the whole system) has ended; `undelivered` is what was not handled.

    Attributes:
        ref: the actor, None when the system as a whole has ended (and in what comes out of a pickle).
        reason: why it ended, None while it is still on its way out.
        undelivered: the message, method or function handed back, None when handling had begun.
    """

    def __init__(
        self, ref: Address | None, reason: ExitReason | None = None, undelivered: object = None
    ) -> None:
        self.ref = ref
        self.reason = reason
        self.undelivered = undelivered
        who = "the actor system" if ref is None else f"actor {ref.path}"
        why = "" if reason is None else f" ({reason.value})"
        what = "" if undelivered is None else f"; not delivered: {describe(undelivered)}"
        super().__init__(f"{who} has ended{why}{what}")


class AskTimeoutError(ActorError, TimeoutError):
    """No answer came in time. `started` tells whether handling had begun; if not, it never will.

    It is None where that is not known: of an actor of another node.
    """

    def __init__(self, ref: Address, timeout: float, *, started: bool | None) -> None:
        self.ref = ref
        self.timeout = timeout
        self.started = started
        if started is None:
            state = "whether it was handled is not known"
        else:
            state = "it is still being handled" if started else "handling had not begun, and will not"
        super().__init__(f"actor {ref.path} did not answer within {timeout:g} s; {state}")


class AskCancelledError(ActorError):
    """The work that should have answered was cancelled: its asker is told, never cancelled itself."""


class NoReplyError(ActorError):
    """The handler of an ask finished without a reply, and nobody can reply any more."""


class DeadlockError(ActorError):
    """Waiting for this actor would close a cycle of waiting actors.

    Attributes:
        path: the paths of the actors in the cycle; first and last are the same. Where they are of several systems,
            each has the name of its system before it: `shop:/till`.
    """

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        super().__init__(f"deadlock: {' -> '.join(path)}; each of them waits for the next one")


class MailboxFullError(ActorError):
    """The mailbox has no room and the sender does not wait; `undelivered` is the message handed back."""

    def __init__(self, ref: Address | None, undelivered: object = None) -> None:
        self.ref = ref
        self.undelivered = undelivered
        whose = "the mailbox" if ref is None else f"the mailbox of {ref.path}"
        super().__init__(f"{whose} is full; not delivered: {describe(undelivered)}")


class NameInUseError(ActorError):
    """The name belongs to a living actor or to an alias."""


class NameNotFoundError(ActorError, LookupError):
    """No living actor has that name, alias or path."""


class StartTimeoutError(ActorError, TimeoutError):
    """`on_start` had not finished within `start_timeout` seconds; the actor was killed."""


class ChildError(ActorError):
    """A supervisor's child is in a state that does not fit the operation: running, restarting, not found."""


class ChildNotFoundError(ChildError, NameNotFoundError):
    """A supervisor has no child of that name."""


class ChildInUseError(ChildError, NameInUseError):
    """A supervisor has a child of that name already, running or not."""


class RestartLimitError(ActorError):
    """More than `max_restarts` within `within` seconds; the last failure is the `__cause__`."""


class LinkedActorError(ActorError):
    """A linked actor ended abnormally, so this one fails too."""

    def __init__(self, ref: Address, reason: ExitReason) -> None:
        self.ref = ref
        self.reason = reason
        super().__init__(f"linked actor {ref.path} has ended ({reason.value})")


class UnhandledMessageError(ActorError):
    """The actor has no handler for that message: the answer of an ask; a send becomes a dead letter, `unhandled`.

    The actor goes on as it was. Raise it in `receive` for what is not meant for the actor, before anything is changed.
    """

    is_answer = False
    """Whether it has answered an ask. Then it is about a message to that actor, not about one of who has asked."""


class WorkerError(ActorError):
    """Submitted work could not be sent to its process, or the process died while it ran."""


class WrongThreadError(ActorError):
    """Called from a foreign thread or event loop; `send_threadsafe` and `submit_threadsafe` are the doors."""


class StoreError(ActorError):
    """Something about a store of durable actors. By itself: what was opened is no store, or of a newer schema.

    Attributes:
        durable_id: whose data it is about, None when it is about the store.
    """

    def __init__(self, message: str, durable_id: str | None = None) -> None:
        self.durable_id = durable_id
        super().__init__(message)


class NotStorableError(StoreError, ValueError):
    """It does not encode, does not come back equal, is too large, or `apply` raised (the `__cause__`)."""


class StoreUnavailableError(StoreError):
    """The database is away or locked; what was to be written is certainly not written."""


class StoreFullError(StoreUnavailableError):
    """There is no room on the disk; what was to be written is certainly not written."""


class OutcomeUnknownError(StoreError):
    """Nobody can say now whether it was written; the recovery that follows finds out."""


class ConflictError(StoreError):
    """Another writer was first; nothing of this write was written.

    Attributes:
        expected: the revision that the write was computed from.
        found: the one that is stored, None where it was not looked up.
    """

    def __init__(
        self,
        message: str,
        durable_id: str | None = None,
        expected: int | None = None,
        found: int | None = None,
    ) -> None:
        self.expected = expected
        self.found = found
        super().__init__(message, durable_id)


class RecoveryError(StoreError):
    """Raised when what is stored cannot become a state.

    Attributes:
        sequence: of the event, or snapshot, that cannot be used; None where it is not about one.
        type: the name that is stored with it.
        version: the version that is stored with it.
    """

    def __init__(
        self,
        message: str,
        durable_id: str | None = None,
        sequence: int | None = None,
        type: str | None = None,
        version: int | None = None,
    ) -> None:
        self.sequence = sequence
        self.type = type
        self.version = version
        super().__init__(message, durable_id)


class DamagedError(RecoveryError):
    """A checksum is wrong, an event is missing, or the database itself says that it is damaged."""


class AlreadyOpenError(StoreError):
    """The durable id is open in this system."""


class StoreInUseError(StoreError):
    """Another process, or another store object, holds the file."""


class StoreFailedError(StoreError):
    """An I/O error or a failed sync has ended this store for good: open a new one."""


class StoreClosedError(StoreError):
    """The store is not open, was closed, or is used in a forked child."""


class ClusterError(ActorError):
    """There is no cluster, or its members do not agree with this node on how it works."""


class DeliveryUnknownError(ClusterError):
    """The message was sent, then its node was lost: it may have been handled, or not.

    Attributes:
        ref: the actor that it was for, None in what comes out of a pickle.
        message: what was sent.
    """

    def __init__(self, ref: Address | None, message: object = None) -> None:
        self.ref = ref
        self.message = message
        who = "an actor" if ref is None else f"actor {ref.path}"
        super().__init__(f"the node of {who} was lost; {describe(message)} may have been handled, or not")


class NoHostError(ClusterError, LookupError):
    """No living node hosts the actor; `undelivered` is what was not handled."""

    def __init__(self, text: str, undelivered: object = None) -> None:
        self.undelivered = undelivered
        super().__init__(text)


class RefusedError(ClusterError):
    """The other node did not take the message, for `reason`; `undelivered` is what was not handled."""

    def __init__(self, text: str, reason: Refusal, undelivered: object = None) -> None:
        self.reason = reason
        self.undelivered = undelivered
        super().__init__(text)


class NotSendableError(ClusterError, TypeError):
    """A message or an answer is of a type that is not registered; `undelivered` is what was not sent."""

    def __init__(self, text: str, undelivered: object = None) -> None:
        self.undelivered = undelivered
        super().__init__(text)


class MessageTooLargeError(ClusterError, ValueError):
    """A message or an answer has `size` bytes, more than `limit`; `undelivered` is what was not sent."""

    def __init__(self, size: int, limit: int, undelivered: object = None) -> None:
        self.size = size
        self.limit = limit
        self.undelivered = undelivered
        super().__init__(f"a message of {size} bytes is larger than the limit of {limit} (see max_message)")


class NotLocalError(ClusterError):
    """It can be done only on the node where the actor lives."""


class NodeNameInUseError(ClusterError):
    """A living node of the cluster has that name."""


class DetachedError(ClusterError):
    """This node holds no lease, so it can say nothing for the cluster."""


class EngineError(ClusterError):
    """The engine was not reached in time, or does not let this node in."""


class RemoteError(ClusterError):
    """An exception of another node, of a type that is not registered here.

    Attributes:
        kind: the name of its type.
        text: what `str` says of it.
        traceback: where it was raised, as text.
    """

    def __init__(self, kind: str, text: str, traceback: str = "") -> None:
        self.kind = kind
        self.text = text
        self.traceback = traceback
        super().__init__(f"{kind}: {text}")


_OF_ITS_PROCESS = frozenset({"ref", "undelivered"})
"""Attributes that no pickle takes along: a ref cannot be pickled, and whether a message can is not known."""


def _again(kind: type[E], args: tuple[Any, ...]) -> E:
    """Make an error with that text, without its constructor, which makes the text."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


def without_frames(error: BaseException, deep: int = 10) -> BaseException:
    """Return a copy of an exception that keeps no frame alive: without its traceback, and so are its causes.

    One that cannot be copied is told by an `ActorError` with its text.

    Args:
        error: the exception.
        deep: how many causes and groups to follow: a chain of them may be long, or a circle.
    """
    twin = error
    with contextlib.suppress(Exception):
        if not isinstance(error, BaseExceptionGroup):
            twin = copy.copy(error)
        elif deep:
            twin = error.derive([without_frames(one, deep - 1) for one in error.exceptions])
    same_kind = isinstance(twin, BaseExceptionGroup) or type(twin) is type(error)
    if twin is error or not same_kind:
        twin = ActorError(f"{type(error).__name__}: {describe(error)}")
    if error.__cause__ is not None and deep:
        twin.__cause__ = without_frames(error.__cause__, deep - 1)
    return twin


def exit_in(error: BaseException | None) -> SystemExit | KeyboardInterrupt | None:
    """Return the exit that an exception is, or, in a group of exceptions, the first one that it holds."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next((found for one in inner if (found := exit_in(one)) is not None), None)


def is_actor_exit(error: BaseException | None, path: str) -> bool:
    """Tell whether an exception ends the actor of that path: its `ActorExit`, or a group of nothing else.

    Task groups make such groups. One that has come as the answer of another actor is not this one's.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_actor_exit(one, path) for one in error.exceptions)
    return isinstance(error, ActorExit) and error.answered_by in (None, path)


def note_exit(error: BaseException, path: str) -> None:
    """Note that the actor of that path gives this exception to its asker, and ends by it if it is an exit."""
    if isinstance(error, ActorExit):
        error.answered_by = error.answered_by or path
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        note_exit(one, path)
