"""A trace: what happens to one actor, event by event, while somebody reads it.

    async with system.inspect("/till").trace() as trace:
        async for event in trace:
            print(event.text)

Texts name the types of messages, never their contents, unless these were asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

from actorio._cell.states import intent_name
from actorio._core.envelope import ANSWERED, ENVELOPES, FAILED, NO_MESSAGE, payload
from actorio._core.feed import Feed
from actorio._core.observer import Observer
from actorio._core.redaction import Redact, inert, text_of
from actorio.inspection.rows import Letter, letter_of

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._cell.cell import Cell
    from actorio._cell.notices import Terminated
    from actorio._core.deadlines import Deadline
    from actorio.errors import ExitReason

__all__ = ["Trace", "TraceEvent"]

_WAITING = 256
"""Events that wait for a slow reader, at most."""


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """Something that has happened to an actor.

    Attributes:
        at: when, in the time of the loop.
        kind: `accepted`, `begun`, `ended`, `answered`, `failed`, `dead_letter`, `notified`, `requested`,
            `suspended`, `resumed`, `restarted` or `stopped`.
        number: of the message, counted by this trace; None where it is of none.
        letter: the message.
        sender: the path of the actor that has sent it, or has asked for it; None for nobody.
        took: seconds that the turn has taken, of `ended`.
        text: a line for people.
    """

    at: float
    kind: str
    number: int | None
    letter: Letter | None
    sender: str | None
    took: float | None
    text: str


_tellers: WeakKeyDictionary[Cell, dict[Redact | None, _Teller]] = WeakKeyDictionary()
"""The tellers of each actor that is traced, by what they show."""


class _Traced:
    """A message on its way through the actor."""

    __slots__ = ("began", "letter", "message", "number", "sender")

    def __init__(self, number: int, letter: Letter, message: Any, sender: str | None) -> None:
        self.number = number
        self.letter = letter
        self.message = message
        self.sender = sender
        self.began = 0.0

    def __str__(self) -> str:
        contents = self.letter.type if self.letter.text is None else self.letter.text
        return f"#{self.number} {self.letter.kind} {contents}"


class Trace(Feed[TraceEvent]):
    """The events of one actor, for one task: an async context manager, and an async iterator inside of its block.

    It ends with the block, after so many events or seconds, or with the actor.

    Attributes:
        dropped: how many events, oldest first, a reader that was too slow has lost.
    """

    def __init__(self, cell: Cell, limit: int, lease: float | None, redact: Redact | None) -> None:
        super().__init__(cell.runtime.check_thread, _WAITING)
        self._cell = cell
        self._left = limit
        self._lease = lease
        self._redact = redact
        self._teller: _Teller | None = None
        self._alarm: Deadline | None = None

    async def __aenter__(self) -> Self:
        """Begin to trace."""
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Begin to trace, once."""
        if self._teller is not None or self._closed:
            return
        self._check_thread()
        self._teller = _Teller.of(self._cell, self._redact)
        self._teller.add(self)
        if self._lease is not None:
            self._alarm = self._cell.runtime.timers.after(self._lease, self.close)

    def close(self) -> None:
        """End the trace; iteration ends after what is held. Idempotent."""
        teller = self._teller
        if teller is not None and not self._closed:
            self._check_thread()
            teller.remove(self)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        super().close()

    def take(self) -> tuple[list[TraceEvent], bool]:
        """Take what is held, without waiting, and say whether nothing will follow."""
        held = list(self._items)
        self._items.clear()
        return held, self._closed

    def tell(self, event: TraceEvent) -> None:
        """Add an event."""
        if self._closed:
            return
        self._push(event)
        self._left -= 1
        if not self._left:
            self.close()


class _Teller(Observer):
    """Writes an event for each thing that happens to an actor: one for all traces of a kind, which see the same."""

    level = "arrivals"

    def __init__(self, cell: Cell, redact: Redact | None) -> None:
        self._cell = cell
        self._runtime: Any = cell.runtime
        self._redact = redact
        self._traces: list[Trace] = []
        self._numbers = 0
        self._on_their_way: OrderedDict[Any, Any] = OrderedDict()  # whose first items go fast
        self._in_hand: _Traced | None = None

    @classmethod
    def of(cls, cell: Cell, redact: Redact | None) -> _Teller:
        """Return the one of an actor, made when it is the first."""
        tellers = _tellers.setdefault(cell, {})
        if redact not in tellers:
            tellers[redact] = cls(cell, redact)
        return tellers[redact]

    def add(self, trace: Trace) -> None:
        """Tell a trace from now on."""
        if not self._traces:
            self._runtime.observe(self, self._cell)
        self._traces.append(trace)

    def remove(self, trace: Trace) -> None:
        """Tell it no more."""
        self._traces.remove(trace)
        if not self._traces:
            self._runtime.unobserve(self, self._cell)
            del _tellers[self._cell][self._redact]

    def _tell(
        self,
        kind: str,
        text: str,
        traced: _Traced | None = None,
        *,
        sender: str | None = None,
        took: float | None = None,
    ) -> None:
        number, letter = (None, None) if traced is None else (traced.number, traced.letter)
        sender = traced.sender if traced is not None and sender is None else sender
        event = TraceEvent(self._runtime.timers.now(), kind, number, letter, sender, took, text)
        for trace in tuple(self._traces):
            trace.tell(event)

    def _note(self, item: Any) -> _Traced:
        self._numbers += 1
        return _Traced(self._numbers, letter_of(item, self._redact), payload(item), self._sender())

    def _sender(self) -> str | None:
        sender = self._runtime.current()
        return None if sender is None else sender.path

    # -- messages ----------------------------------------------------------------------------------

    def queued(self, cell: Cell, item: Any) -> None:
        """Remember who waits for room."""
        self._on_their_way[item] = self._note(item)

    def accepted(self, cell: Cell, item: Any) -> None:
        """Tell of a message in the mailbox."""
        traced = self._on_their_way.get(item)
        if traced is None:
            traced = self._on_their_way[item] = self._note(item)
        self._tell("accepted", f"{traced}{_by(traced.sender)}", traced)

    def begun(self, cell: Cell, item: Any) -> None:
        """Tell of the beginning of a turn; a message that nobody waits for any more has none."""
        traced: _Traced | None = self._on_their_way.pop(item, None) if type(item) in ENVELOPES else None
        if type(item) in ENVELOPES and item.state >= ANSWERED:
            return
        self._in_hand = self._begin(traced or self._known(item))

    def _begin(self, traced: _Traced) -> _Traced:
        traced.began = self._runtime.timers.now()
        self._tell("begun", f"{traced} begins", traced)
        return traced

    def _known(self, item: Any) -> _Traced:
        """Number a message that was there before the trace."""
        traced = self._note(item)
        traced.sender = None
        return traced

    def ended(self, cell: Cell, item: Any) -> None:
        """Tell of the end of a turn."""
        traced, self._in_hand = self._in_hand, None
        if traced is not None:
            self._end(traced)

    def _end(self, traced: _Traced) -> None:
        took = self._runtime.timers.now() - traced.began
        self._tell("ended", f"#{traced.number} has ended after {took * 1000:.1f} ms", traced, took=took)

    def begun_beside(self, cell: Cell, item: Any) -> None:
        """Tell of a call that runs beside the turns."""
        self._on_their_way[item] = self._begin(self._on_their_way.pop(item, None) or self._note(item))

    def ended_beside(self, cell: Cell, item: Any) -> None:
        """Tell of its end."""
        traced = self._on_their_way.pop(item, None)
        if traced is not None:
            self._end(traced)

    def answered(self, cell: Cell, envelope: Any) -> None:
        """Tell what has come of an ask."""
        traced = self._on_their_way.get(envelope) or self._in_hand
        what = "an ask" if traced is None else f"#{traced.number}"
        if envelope.state == ANSWERED:
            text = f"{what} is answered{self._with(getattr(envelope, 'value', None))}"
        elif envelope.state == FAILED:
            error = getattr(envelope, "error", None)
            text = f"{what} is answered by an error" + (
                "" if error is None else f": {type(error).__qualname__}"
            )
        else:
            text = f"nobody waits for {what} any more"
        self._tell("answered", inert(text), traced)

    def _with(self, value: Any) -> str:
        return f" with {type(value).__qualname__ if self._redact is None else text_of(value, self._redact)}"

    def dead_letter(self, cell: Cell, message: Any, reason: str) -> None:
        """Tell of a message that will not be handled."""
        waiting = self._on_their_way.items()  # the first of them, as a rule: they end in their order
        found = next((item for item, one in waiting if one.message is message), NO_MESSAGE)
        traced = self._on_their_way.pop(found, None)
        if traced is None and self._in_hand is not None and self._in_hand.message is message:
            traced = self._in_hand
        traced = traced or self._known(message)
        self._tell("dead_letter", f"{traced} is a dead letter: {reason}", traced)

    # -- lives -------------------------------------------------------------------------------------

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Tell of a failure."""
        traced = self._in_hand if message is not None else None
        during = "" if traced is None else f" in {traced}"
        self._tell("failed", inert(f"fails{during}: {type(error).__qualname__}"), traced)

    def continued(self, cell: Cell) -> None:
        """Forget the message in hand."""
        self._in_hand = None

    def notified(self, cell: Cell, notice: Terminated) -> None:
        """Tell that it is told of an end."""
        self._tell("notified", inert(f"is told that {notice.ref.path} has ended ({notice.reason.value})"))

    def requested(self, cell: Cell, intent: int) -> None:
        """Tell who asks it to end."""
        sender = self._sender()
        self._tell("requested", inert(f"is asked to {intent_name(intent)}{_by(sender)}"), sender=sender)

    def suspended(self, cell: Cell) -> None:
        """Tell of a suspension."""
        self._tell("suspended", "begins no turn for now")

    def resumed(self, cell: Cell) -> None:
        """Tell of its end."""
        self._tell("resumed", "goes on")

    def restarted(self, cell: Cell) -> None:
        """Tell of a restart."""
        self._in_hand = None
        self._tell("restarted", f"is up again, incarnation {cell.incarnation}")

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Tell of the end, which is that of the trace."""
        self._tell("stopped", f"has ended ({reason.value})")
        for trace in tuple(self._traces):
            trace.close()


def _by(sender: str | None) -> str:
    return "" if sender is None else f" by {sender}"
