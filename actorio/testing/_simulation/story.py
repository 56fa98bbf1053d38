"""The story of a run in actor terms: who sent what to whom, what was handled, what failed, and why.

Messages are numbered in order of sending. Texts are made as things happen: a message may change later, and to
keep it would keep alive what hangs on it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.states import intent_name
from actorio._core.envelope import ANSWERED, FAILED, Cast, Tick, payload
from actorio._core.observer import Observer
from actorio._core.request import Call, Request, Submission
from actorio.testing._simulation.world import World
from actorio.testing._words import in_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actorio._cell.cell import Cell
    from actorio._cell.notices import Terminated
    from actorio._core.deadlock import Waiting
    from actorio.errors import ExitReason

__all__ = ["Story"]

_LONGEST_CHAIN = 12
_KINDS = {Call: "call ", Cast: "cast ", Submission: "submit ", Request: "ask ", Tick: "tick "}


class _Sent:
    """A message on its way, and the one whose handling sent it."""

    __slots__ = ("because", "number", "receiver", "sender", "text")

    def __init__(self, number: int, text: str, sender: str, receiver: str, because: _Sent | None) -> None:
        self.number = number
        self.text = text
        self.sender = sender
        self.receiver = receiver
        self.because = because

    def __str__(self) -> str:
        return f"#{self.number} {self.text}"


class Story(Observer):
    """Writes a line for each thing that happens to an actor.

    Args:
        world: whose time it tells.
        keep: how many of the last lines to keep; None: all of them.
    """

    def __init__(self, world: World, keep: int | None) -> None:
        self._world = world
        self._lines: deque[tuple[int, str]] = deque(maxlen=keep)
        self._numbers = 0
        self._on_their_way: dict[Cell, dict[Any, _Sent]] = {}
        self._in_hand: dict[Waiting, _Sent] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that were kept, to be read by people."""
        return tuple(f"{now / 1e9:>12.6f} s  {text}" for now, text in self._lines)

    def write(self, text: str) -> None:
        """Add a line."""
        self._lines.append((self._world.now_ns, text))

    # -- messages ----------------------------------------------------------------------------------

    def queued(self, cell: Cell, item: Any) -> None:
        """Tell of a sender that waits for room."""
        sent = self._send(cell, item)
        self.write(f"{sent.sender} -> {cell.path}  {sent}, waits for room")

    def accepted(self, cell: Cell, item: Any) -> None:
        """Tell of a message that is in the mailbox."""
        sent = self._on_their_way.get(cell, {}).get(item)
        if sent is None:
            sent = self._send(cell, item)
            self.write(f"{sent.sender} -> {cell.path}  {sent}")
        else:
            self.write(f"{cell.path} has room for {sent}")

    def _send(self, cell: Cell, item: Any) -> _Sent:
        self._numbers += 1
        text = _KINDS.get(type(item), "") + in_short(payload(item))
        is_timer = type(item) is Tick
        sender, because = (f"timer of {cell.path}", None) if is_timer else self._sender(cell)
        sent = _Sent(self._numbers, text, sender, cell.path, because)
        if _length(sent) > _LONGEST_CHAIN:
            _cut(sent)
        self._on_their_way.setdefault(cell, {})[item] = sent
        return sent

    def _sender(self, cell: Cell) -> tuple[str, _Sent | None]:
        sender = cell.runtime.current()
        if sender is not None:
            return sender.path, self._in_hand.get(sender)
        task = asyncio.current_task(self._world) if asyncio._get_running_loop() is not None else None
        return ("the loop" if task is None else task.get_name()), None

    def begun(self, cell: Cell, item: Any) -> None:
        """Tell of a turn, or of a message that nobody waits for any more."""
        sent = self._on_their_way.get(cell, {}).pop(item, None)
        if sent is None:
            return
        if item.state >= ANSWERED:
            self.write(f"{cell.path} skips {sent}: nobody waits for it")
            return
        self._in_hand[cell] = sent
        self.write(f"{cell.path} begins {sent}")

    def ended(self, cell: Cell, item: Any) -> None:
        """Tell of the end of a turn."""
        sent = self._in_hand.pop(cell, None)
        if sent is not None:
            self.write(f"{cell.path} ends #{sent.number}")

    def begun_beside(self, cell: Cell, item: Any) -> None:
        """Tell of a call that does not wait for its turn."""
        self.write(f"{cell.path} begins {_KINDS[type(item)]}{in_short(payload(item))} beside its turns")

    def ended_beside(self, cell: Cell, item: Any) -> None:
        """Tell of its end."""
        self.write(f"{cell.path} ends {_KINDS[type(item)]}{in_short(payload(item))} beside its turns")

    def answered(self, cell: Cell, envelope: Any) -> None:
        """Tell what came of an ask."""
        sent = self._on_their_way.get(cell, {}).get(envelope) or self._in_hand.get(cell)
        text = in_short(payload(envelope)) if sent is None else f"#{sent.number}"
        if envelope.state == ANSWERED:
            self.write(f"{cell.path} answers {text} with {in_short(getattr(envelope, 'value', None))}")
        elif envelope.state == FAILED:
            self.write(f"{cell.path} answers {text} by {in_short(getattr(envelope, 'error', None))}")
        else:
            self.write(f"{text} of {cell.path} is withdrawn")

    def dead_letter(self, cell: Cell, message: Any, reason: str) -> None:
        """Tell of a message that will not be handled."""
        self.write(f"{cell.path}: {in_short(message)} is a dead letter ({reason})")

    # -- lives -------------------------------------------------------------------------------------

    def spawned(self, cell: Cell) -> None:
        """Tell of a new actor."""
        self.write(f"{self._sender(cell)[0]} spawns {cell.path}")

    def restarted(self, cell: Cell) -> None:
        """Tell of a restart."""
        self.write(f"{cell.path} is up again (incarnation {cell.incarnation})")

    def requested(self, cell: Cell, intent: int) -> None:
        """Tell who asks an actor to end."""
        self.write(f"{self._sender(cell)[0]} asks {cell.path} to {intent_name(intent)}")

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Tell of a failure, and of the chain of messages that led to it."""
        self.write(f"{cell.path} FAILS: {in_short(error)}")
        self._tell_because(self._in_hand.get(cell))

    def _tell_because(self, sent: _Sent | None) -> None:
        while sent is not None:
            during = "" if sent.because is None else f", while it handled #{sent.because.number}"
            self.write(f"    because {sent.sender} sent it {sent}{during}")
            sent = sent.because

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """Tell of the end of an incarnation."""
        self._in_hand.pop(cell, None)
        self.write(f"{cell.path} is down ({reason.value})")

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Tell of the end of an actor."""
        self._on_their_way.pop(cell, None)
        self._in_hand.pop(cell, None)
        self.write(f"{cell.path} has ended ({reason.value})")

    def group_restarts(self, group: Sequence[Cell]) -> None:
        """Tell which siblings restart together."""
        self.write(f"restart of the group {', '.join(cell.path for cell in group)}")

    def notified(self, cell: Cell, notice: Terminated) -> None:
        """Tell who is told of an end."""
        self.write(f"{cell.path} is told that {notice.ref.path} has ended ({notice.reason.value})")


def _length(sent: _Sent | None) -> int:
    length = 0
    while sent is not None:
        length += 1
        sent = sent.because
    return length


def _cut(sent: _Sent) -> None:
    """Forget what is further back: a message that goes round in a ring has no end of causes."""
    for _ in range(_LONGEST_CHAIN - 1):
        assert sent.because is not None
        sent = sent.because
    sent.because = None
