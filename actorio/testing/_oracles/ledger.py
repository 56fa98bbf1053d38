"""The ledger of fates: every accepted message is handled once, in order, one at a time, or accounted for.

Guarantees 1 (one fate), 2 (order), 3 (one at a time) and 15 (back pressure).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from actorio._core.envelope import ENDED, Tick, payload
from actorio._core.mailbox import Overflow
from actorio._core.observer import Observer
from actorio._core.priority_mailbox import PriorityMailbox
from actorio.errors import ExitReason
from actorio.testing._words import in_short

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["Breach", "Ledger"]

Breach = Callable[[int, str], None]
"""Called with the number of a guarantee and what has broken it."""

Item = Any


class _Account:
    """The mail of one actor."""

    __slots__ = ("above", "beside", "dropped", "in_hand", "in_line", "pending", "told")

    def __init__(self) -> None:
        self.pending: dict[Item, None] = {}
        """Accepted and without a fate, in order."""
        self.in_line: dict[Item, None] = {}
        """Waiting for room, in order; may hold some that have left since."""
        self.above = 0
        """Most messages at a time in its mailbox, when the last was one that may go in above the capacity."""
        self.in_hand: Item | None = None
        self.beside: dict[Item, None] = {}
        """Calls of interleaved methods that have begun."""
        self.told = False
        """Whether a failure was reported since the message in hand began."""
        self.dropped: list[Any] = []
        """Messages dropped as the newest, before their acceptance is told."""


class Ledger(Observer):
    """Follows each message from its acceptance to its fate."""

    def __init__(self, breach: Breach) -> None:
        self._breach = breach
        self._accounts: dict[Cell, _Account] = {}

    def spawned(self, cell: Cell) -> None:
        """Open an account."""
        self._accounts[cell] = _Account()

    # -- into the mailbox --------------------------------------------------------------------------

    def queued(self, cell: Cell, item: Item) -> None:
        """Remember the place in line."""
        self._accounts[cell].in_line[item] = None

    def accepted(self, cell: Cell, item: Item) -> None:
        """Check the place in line and the room, and enter it."""
        account = self._accounts.get(cell)
        if account is None:
            self._breach(1, f"{cell.path} has accepted {_name(item)} after its end: nobody will handle it")
            return
        if _forget(account.dropped, payload(item)) or _is_over(item):
            return
        if item in account.pending:
            self._breach(1, f"{cell.path} has accepted {_name(item)} twice")
        admitted = item in account.in_line
        if admitted:
            self._leave_line(cell, account, item)
        if _is_copy(cell, item) or (not admitted and _may_pass(cell, item)):
            account.above = max(account.above, cell.mailbox.qsize())
        else:
            self._check_room(cell, account, item)
            if not admitted and cell.mailbox.waiting:
                self._breach(2, f"{_name(item)} has overtaken those who wait for room in {cell.path}")
        account.pending[item] = None

    def _leave_line(self, cell: Cell, account: _Account, item: Item) -> None:
        waiting = [other for other, _ in cell.mailbox.waiting or ()]
        for earlier in tuple(account.in_line):
            del account.in_line[earlier]
            if earlier is item:
                return
            if any(other is earlier for other in waiting):
                self._breach(
                    2, f"{_name(item)} was let into {cell.path} before {_name(earlier)}, which waited longer"
                )

    def _check_room(self, cell: Cell, account: _Account, item: Item) -> None:
        mailbox = cell.mailbox
        capacity = most = mailbox.capacity
        if capacity is not None and mailbox.overflow is Overflow.DROP_OLD:
            most = max(capacity, account.above)  # it takes the place of an older one
        if most is not None and mailbox.qsize() > most:
            self._breach(
                15,
                f"the mailbox of {cell.path} holds {mailbox.qsize()} messages with {_name(item)}, "
                f"and its capacity is {capacity}",
            )

    def handed_over(self, cell: Cell, other: Cell, item: Item) -> None:
        """Enter it into the other's account: one fate for both."""
        account, new = self._accounts.get(cell), self._accounts.get(other)
        if account is None or new is None or not _take(account.pending, item):
            self._breach(
                1, f"{cell.path} has handed {_name(item)} to {other.path}, and it was not in its mailbox"
            )
            return
        new.pending[item] = None

    def put_back(self, cell: Cell, items: Sequence[Item]) -> None:
        """Enter them again, before all others: their turns were none."""
        account = self._accounts.get(cell)
        if account is not None:
            account.pending = {**dict.fromkeys(items), **account.pending}
            account.above = max(account.above, cell.mailbox.qsize())

    # -- in turn -----------------------------------------------------------------------------------

    def begun(self, cell: Cell, item: Item) -> None:
        """Check that it is this item's turn, and no other is going on."""
        account = self._accounts.get(cell)
        if account is None:
            self._breach(1, f"{cell.path} has begun {_name(item)} after its end")
            return
        if account.in_hand is not None:
            self._breach(3, f"{cell.path} has begun {_name(item)} while it was at {_name(account.in_hand)}")
        if item not in account.pending and _is_over(item):
            return  # it has had its fate in the mailbox, and is skipped
        if item not in account.pending:
            self._breach(
                1, f"{cell.path} has begun {_name(item)}, which was handled before or never accepted"
            )
        elif not isinstance(cell.mailbox, PriorityMailbox):
            self._check_first(cell, account, item)
        account.pending.pop(item, None)
        if not _is_over(item):
            account.in_hand, account.told = item, False

    def _check_first(self, cell: Cell, account: _Account, item: Item) -> None:
        while (first := next(iter(account.pending))) is not item:
            if not _is_over(first):
                self._breach(
                    2,
                    f"{cell.path} has begun {_name(item)} before {_name(first)}, which was accepted earlier",
                )
                return
            del account.pending[first]

    def ended(self, cell: Cell, item: Item) -> None:
        """Note that the item was handled."""
        account = self._accounts.get(cell)
        if account is not None and account.in_hand is item:
            account.in_hand = None

    def begun_beside(self, cell: Cell, item: Item) -> None:
        """Enter a call that does not wait for its turn."""
        account = self._accounts.get(cell)
        if account is None:
            self._breach(1, f"{cell.path} has begun {_name(item)} after its end")
        else:
            account.beside[item] = None

    def ended_beside(self, cell: Cell, item: Item) -> None:
        """Note that it has ended, or that its actor's end was told."""
        account = self._accounts.get(cell)
        if account is not None:
            account.beside.pop(item, None)

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Note that a failure was reported."""
        account = self._accounts.get(cell)
        if account is not None:
            account.told = True

    def continued(self, cell: Cell) -> None:
        """Note that the failure was the end of the item in hand."""
        account = self._accounts.get(cell)
        if account is not None:
            account.in_hand = None

    def dead_letter(self, cell: Cell, message: Any, reason: str) -> None:
        """Enter the fate of a message that is in hand or in the mailbox, once."""
        account = self._accounts.get(cell)
        if account is None or reason in ("unsent", "unhandled"):  # the one never came, the other is in hand
            return
        in_hand = account.in_hand is not None and payload(account.in_hand) is message
        if reason == "interrupted":
            known = in_hand or any(payload(item) is message for item in account.beside)
            account.in_hand = None if in_hand else account.in_hand
        elif in_hand and _is_over(account.in_hand):  # an interleaved call, for which there was no room
            return
        else:
            if reason == "dropped" and cell.mailbox.overflow is Overflow.DROP_NEW:
                account.dropped.append(message)
                return
            known = _strike(account.pending, message)
        if not known:
            self._breach(
                1,
                f"{cell.path} has {reason} {in_short(message)}, which was not in its mailbox any more",
            )

    # -- the end -----------------------------------------------------------------------------------

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """Check that the message in hand, if any, did not vanish with the incarnation."""
        account = self._accounts.get(cell)
        if account is None:
            return
        for item in account.beside:
            if not _is_over(item):
                self._breach(
                    1, f"{cell.path} has ended ({reason.value}) while {_name(item)} ran beside its turns"
                )
        account.beside.clear()
        if account.in_hand is None:
            return
        item, account.in_hand = account.in_hand, None
        orderly = reason in (ExitReason.NORMAL, ExitReason.SHUTDOWN)
        if not (orderly or account.told or _is_over(item)):
            self._breach(
                1, f"{_name(item)} was in hand as {cell.path} ended ({reason.value}), and nobody was told"
            )

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Check that nothing is left without a fate."""
        account = self._accounts.pop(cell, None)
        if account is None:
            return
        left = [item for item in account.pending if not _is_over(item)]
        left += [item for item, _ in cell.mailbox.waiting or ()]
        if left:
            self._breach(
                1, f"{_name(left[0])} has vanished with {cell.path}: neither handled nor a dead letter"
            )


def _is_over(item: Item) -> bool:
    """Tell whether an ask, a tick or work has ended before its turn: nobody waits for it."""
    return bool(item.state >= ENDED)


def _may_pass(cell: Cell, item: Item) -> bool:
    """Tell whether it may go in above the capacity: a tick, or an actor's mail to itself."""
    return isinstance(item, Tick) or cell.run_queue.current is cell


def _is_copy(cell: Cell, item: Item) -> bool:
    """Tell whether it is one of several that a pool makes of a job, for a routee each, whatever its capacity."""
    jobs = getattr(cell.mailbox, "jobs", None)
    return jobs is not None and item in jobs._copies


def _forget(messages: list[Any], message: Any) -> bool:
    for place, other in enumerate(messages):
        if other is message:
            del messages[place]
            return True
    return False


def _take(pending: dict[Item, None], item: Item) -> bool:
    """Take an item out, or a copy of it: of several only one is told to be a dead letter, and not which."""
    if item not in pending:
        return _strike(pending, payload(item))
    del pending[item]
    return True


def _strike(pending: dict[Item, None], message: Any) -> bool:
    """Take out the item of a dead letter: of several of one message or one method, none that is answered."""
    found = [item for item in pending if payload(item) is message]
    if not found:
        return False
    del pending[next((item for item in found if not item.answers), found[0])]
    return True


def _name(item: Item) -> str:
    return in_short(payload(item))
