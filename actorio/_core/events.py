"""Events of a system, for those who want to know: a stream of them by type.

Free when nobody subscribes. A subscriber never slows the system down: its stream is bounded, and the oldest
events are dropped, and counted, when it does not keep up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from actorio._core.checks import check_count
from actorio._core.feed import Feed
from actorio._core.observer import Observer
from actorio._core.typevar import TypeVar
from actorio.errors import ExitReason

if TYPE_CHECKING:
    from actorio.address import Address

__all__ = [
    "ActorFailed",
    "ActorRestarted",
    "ActorStarted",
    "ActorStopped",
    "DeadLetter",
    "Event",
    "EventBus",
    "EventStream",
]


@dataclass(frozen=True, slots=True)
class ActorStarted:
    """An actor's `on_start` has finished for the first time."""

    ref: Address


@dataclass(frozen=True, slots=True)
class ActorStopped:
    """An actor has ended for good."""

    ref: Address
    reason: ExitReason
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """An incarnation of an actor has failed; `message` is what it was handling, None in a hook or a task."""

    ref: Address
    error: BaseException
    message: object


@dataclass(frozen=True, slots=True)
class ActorRestarted:
    """A new incarnation has started; they are counted from 0."""

    ref: Address
    incarnation: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was accepted and will not be handled.

    `reason` is one of `stopped` (the actor ended before its turn), `interrupted` (killed or cancelled while
    handling it), `dropped` (by the overflow policy), `unsent` (refused, and its sender did not look); in a cluster
    also `unknown` (sent, then its node was lost: it may have been handled), `refused` (not taken there) and
    `unrouted` (no living node hosts it).
    """

    ref: Address
    message: object
    reason: str


Event = ActorStarted | ActorStopped | ActorFailed | ActorRestarted | DeadLetter
E = TypeVar("E", bound=Event, default=Any)
Any_E = TypeVar("Any_E", default=Any)


class EventBus:
    """Hands each event to the streams that asked for its type. All but `subscribe` is for the runtime."""

    kinds: ClassVar[tuple[type[Any], ...]] = Event.__args__
    """The types of events that it hands on."""

    def __init__(self, check_thread: Callable[[], None], changed: Callable[[], None]) -> None:
        self._check_thread = check_thread
        self._changed = changed
        self.publisher = _Publisher(self)
        self._streams: dict[type[Any], list[EventStream[Any]]] = {}
        self._closed = False

    def subscribe(self, *types: type[E], limit: int = 10_000) -> EventStream[E]:
        """Return a stream of the events of these types, of all types when none is named.

        Use it as `async with events.subscribe(DeadLetter) as stream: async for event in stream`. It is
        subscribed from this call on and ends with the system.

        Args:
            types: of the events.
            limit: how many events it holds at most, at least 1; further ones push the oldest out.

        Raises:
            TypeError: not a type of event.
        """
        self._check_thread()
        for kind in types:
            if kind not in self.kinds:
                raise TypeError(f"not a type of event: {kind!r}")
        check_count("limit", limit, least=1)
        stream: EventStream[E] = EventStream(self, types or self.kinds, limit)
        if self._closed:
            stream.close()
        return stream

    def wants(self, kind: type[Any]) -> bool:
        """Tell whether anybody listens to events of that type."""
        return kind in self._streams

    def publish(self, event: Any) -> None:
        """Hand the event to its streams."""
        for stream in tuple(self._streams.get(type(event), ())):
            stream._push(event)

    def close(self) -> None:
        """End all streams, once what they hold has been read; one made later ends at once."""
        self._closed = True
        for streams in tuple(self._streams.values()):
            for stream in tuple(streams):
                stream.close()

    def _add(self, stream: EventStream[Any], types: tuple[type[Any], ...]) -> None:
        for kind in types:
            self._streams.setdefault(kind, []).append(stream)
        self._changed()

    def _remove(self, stream: EventStream[Any], types: tuple[type[Any], ...]) -> None:
        for kind in types:
            streams = self._streams.get(kind, [])
            if stream in streams:
                streams.remove(stream)
                if not streams:
                    del self._streams[kind]
        self._changed()


_EVENT_OF: dict[str, type[Event]] = {
    "started": ActorStarted,
    "restarted": ActorRestarted,
    "failed": ActorFailed,
    "ended_for_good": ActorStopped,
    "dead_letter": DeadLetter,
}


class _Publisher(Observer):
    """Makes events of what happens, of the types that somebody has subscribed to."""

    level = "lives"

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def wants(self, event: str) -> bool:
        return event in _EVENT_OF and self._bus.wants(_EVENT_OF[event])

    def started(self, cell: Any) -> None:
        self._bus.publish(ActorStarted(cell.ref))

    def restarted(self, cell: Any) -> None:
        self._bus.publish(ActorRestarted(cell.ref, cell.incarnation))

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        self._bus.publish(ActorFailed(cell.ref, error, message))

    def ended_for_good(self, cell: Any, reason: ExitReason) -> None:
        if not cell.start_failed:  # spawn has raised what there is to tell
            self._bus.publish(ActorStopped(cell.ref, reason, cell.error))

    def dead_letter(self, cell: Any, message: Any, reason: str) -> None:
        self._bus.publish(DeadLetter(cell.ref, message, reason))


class EventStream(Feed[Any_E]):
    """An async iterator over events; one task reads it.

    Attributes:
        dropped: how many events were dropped since nobody read them in time.
    """

    def __init__(self, bus: EventBus, types: tuple[type[Any], ...], limit: int) -> None:
        super().__init__(bus._check_thread, limit)
        self._bus = bus
        self._types = types
        bus._add(self, types)

    def close(self) -> None:
        """Unsubscribe; iteration ends after what is held. Idempotent."""
        if self._closed:
            return
        self._check_thread()
        self._bus._remove(self, self._types)
        super().close()
