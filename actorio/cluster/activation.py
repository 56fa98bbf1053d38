"""One activation of an entity or singleton: an ordinary actor of this system, made for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._cell.states import Intent, Options
from actorio._core.inquiry import Inquiry
from actorio._core.mailbox import Mailbox, Overflow
from actorio.cluster import wire
from actorio.cluster.failures import size_of
from actorio.cluster.inbox import FULL, STOPPED, fail, make_entry, reply, wait_in_line
from actorio.errors import ActorStoppedError, Refusal, RefusedError
from actorio.policy import Restart

if TYPE_CHECKING:
    from actorio.cluster.entity import Entity
    from actorio.cluster.protocols import Peer

__all__ = ["Activation", "Arrival"]


class Arrival:
    """A message for an entity as it came: whose it is, and how to read it."""

    __slots__ = ("__weakref__", "deadline", "is_withdrawn", "item", "kind", "names", "peer")

    def __init__(self, peer: Peer, item: wire.Routed, kind: str, names: list[str]) -> None:
        self.peer = peer
        self.item = item
        self.kind = kind
        self.names = names
        self.deadline: float | None = None
        self.is_withdrawn = False

    def wait(self, now: float) -> Arrival:
        """Note that it waits for a claim or a start: who asks may have gone before that."""
        item = self.item.item
        if self.deadline is None and isinstance(item, (wire.Ask, wire.Call)):
            self.deadline = now + item.left
            self.peer.arrivals[item.serial] = self
        return self

    def withdraw(self) -> None:
        """Nobody waits for it any more."""
        self.is_withdrawn = True


class Activation:
    """Takes messages in order: before the actor has started, and once it ends, they wait here."""

    __slots__ = ("cell", "entity", "has_failed", "key", "kind", "last", "region", "shard", "waiting")

    def __init__(
        self, region: Any, shard: Any, entity: Entity, kind: str, key: str, waiting: list[Arrival]
    ) -> None:
        self.region = region
        self.shard = shard
        self.entity = entity
        self.kind = kind
        self.key = key
        self.waiting = waiting
        self.cell: Any = None
        self.has_failed = False
        self.last = region.life.runtime.loop.time()

    def start(self) -> None:
        """Spawn the actor. Where it starts at once, no task is needed for that."""
        life, entity = self.region.life, self.entity
        name = f"{_part(self.kind).replace('@', '%40')}@{_part(self.key)}"
        mailbox = entity.mailbox if entity.mailbox is not None else Mailbox[Any]()
        factory, args = entity.made_with(self.key)
        try:
            options = Options(restart=Restart.TEMPORARY, shutdown=entity.shutdown)
            cell = life.runtime.root.start(factory, args, name, mailbox, options)
        except Exception as error:  # its constructor's, unless the system ends
            if isinstance(error, ActorStoppedError) and life.runtime.shutdown.has_begun:
                self._refuse_all()
            else:
                self._fail_all(error)
            return
        self.region.by_cell[cell] = self
        if life.tap is not None:
            life.tap.activated(life, (self.kind, self.key), cell, self.shard.held.record.token)
        if cell.starter is None:
            self._started(cell)
        else:
            life.start(self._until_started(cell), f"start of {cell.path}")

    async def _until_started(self, cell: Any) -> None:
        try:
            await cell.siblings.until_started(cell, None)
        except Exception as error:  # its on_start's, unless it was ended meanwhile
            self.region.by_cell.pop(cell, None)
            if isinstance(error, ActorStoppedError) and error.ref is not None and error.ref == cell.ref:
                self._ended()
            else:
                self._fail_all(error)
            return
        self._started(cell)

    def _started(self, cell: Any) -> None:
        self.cell = cell
        if cell.reason is not None:
            self._ended()
            return
        cell.add_watcher(self)
        waiting, self.waiting = self.waiting, []
        for arrival in waiting:
            self._put(arrival)
        if self.shard.is_leaving or self.region.shards.get(self.shard.name) is not self.shard:
            cell.request(Intent.CLOSE if self.shard.is_leaving else Intent.KILL)

    def _refuse_all(self) -> None:
        """It will never start: this system ends, and what waits is for another node."""
        waiting, self.waiting = self.waiting, []
        for arrival in waiting:
            self.region.refuse(arrival)
        self.region.ended(self, [])

    def _fail_all(self, error: BaseException) -> None:
        """It did not start: who asks is told why, all else that waits for it is dropped."""
        self.has_failed = True
        waiting, self.waiting = self.waiting, []
        for arrival in waiting:
            if self.region.is_refused(arrival):
                continue
            item = arrival.item.item
            if isinstance(item, (wire.Ask, wire.Call)):
                self._tap_taken(arrival)
                self.region.credit(arrival.peer, item.target, arrival.item.epoch)
                self.region.flush(arrival.peer)
                failure = self.region.life.failures.encode(error)
                arrival.peer.link.post(wire.Failed(item.serial, failure), size_of(failure))
            else:
                self._refuse(arrival, STOPPED)
        self.region.ended(self, [])

    # -- messages ----------------------------------------------------------------------------------

    def take(self, arrival: Arrival) -> None:
        """Take a message; nothing of a refused epoch."""
        if self.cell is None:
            self._keep(arrival)
        else:
            self._put(arrival)

    def _keep(self, arrival: Arrival) -> None:
        self.waiting.append(arrival.wait(self.region.life.runtime.loop.time()))

    def _put(self, arrival: Arrival) -> None:
        cell, region, item = self.cell, self.region, arrival.item.item
        if region.is_refused(arrival):
            return
        if cell.mailbox.closed or self.waiting:
            self._keep(arrival)
            return
        self.last = region.life.runtime.loop.time()
        if arrival.is_withdrawn:
            self._refuse(arrival, "")
            return
        try:
            entry = self._entry(arrival)
            is_in = cell.put(entry)
        except RefusedError as error:
            self._refuse(arrival, error.reason.value)
            return
        except Exception:  # a name that is not in the frame, or the priority function of its mailbox
            self._refuse(arrival, Refusal.BAD_DATA.value)
            return
        if isinstance(entry, Inquiry) and entry.asks:
            arrival.peer.inquiries[item.serial] = entry
        if is_in:
            self._is_in(arrival)
        elif cell.mailbox.overflow is Overflow.FAIL:
            arrival.peer.inquiries.pop(item.serial, None)
            self._refuse(arrival, FULL)
        else:
            wait_in_line(cell, entry, self, (arrival,))

    def _entry(self, arrival: Arrival) -> Any:
        entry = make_entry(self.region.life, self.cell, arrival.item.item, arrival.names, self, (arrival,))
        if arrival.deadline is not None:
            entry.deadline = arrival.deadline
        return entry

    def _is_in(self, arrival: Arrival) -> None:
        self._tap_taken(arrival)
        self.region.credit(arrival.peer, arrival.item.item.target, arrival.item.epoch)

    def _tap_taken(self, arrival: Arrival) -> None:
        life = self.region.life
        if life.tap is not None:
            life.tap.taken(life, arrival.peer.incarnation, (self.kind, self.key), arrival.item.item.serial)

    def _refuse(self, arrival: Arrival, reason: str) -> None:
        item = arrival.item.item
        self.region.flush(arrival.peer)
        arrival.peer.link.post(wire.RoutedGone(item.target, arrival.item.epoch, item.serial, reason))

    # -- as who is told what becomes of an inquiry -------------------------------------------------

    def admitted(self, inquiry: Inquiry) -> None:
        """The mailbox has let it in."""
        self._is_in(inquiry.tag[0])

    def refused(self, inquiry: Inquiry, error: BaseException) -> None:
        """The actor ends, and it was in line: it is for the next activation."""
        arrival = inquiry.tag[0]
        arrival.peer.inquiries.pop(arrival.item.item.serial, None)
        if isinstance(error, ActorStoppedError):
            self._keep(arrival)
        else:
            self._refuse(arrival, Refusal.BAD_DATA.value)

    def withdrawn(self, inquiry: Inquiry, *, in_line: bool) -> None:
        """Nobody waits for it any more."""
        arrival = inquiry.tag[0]
        arrival.peer.inquiries.pop(arrival.item.item.serial, None)
        if in_line:
            self._refuse(arrival, "")

    def replied(self, inquiry: Inquiry, value: Any) -> None:
        """It has an answer."""
        arrival, method = inquiry.tag
        if self._is_awaited(inquiry, arrival):
            reply(self.region.life, arrival.peer, arrival.item.item.serial, inquiry, method, value)

    def failed(self, inquiry: Inquiry, error: BaseException) -> None:
        """It has failed."""
        arrival = inquiry.tag[0]
        if self._is_awaited(inquiry, arrival):
            fail(self.region.life, arrival.peer, arrival.item.item.serial, inquiry, error)

    def _is_awaited(self, inquiry: Inquiry, arrival: Arrival) -> bool:
        """Tell whether an answer goes out: after the news of all that was taken before."""
        if not inquiry.asks:
            return False
        arrival.peer.inquiries.pop(arrival.item.item.serial, None)
        if arrival.peer.is_lost:
            return False
        self.region.flush(arrival.peer)
        return True

    # -- its end -----------------------------------------------------------------------------------

    def end(self, intent: int) -> None:
        """End it."""
        if self.cell is not None:
            self.cell.request(intent)
        elif intent == Intent.KILL:
            for cell, activation in list(self.region.by_cell.items()):
                if activation is self:
                    cell.request(intent)

    def notify(self, notice: Any) -> None:
        """It has ended."""
        self.has_failed = notice.error is not None
        self._ended()

    def _ended(self) -> None:
        self.region.by_cell.pop(self.cell, None)
        waiting, self.waiting = self.waiting, []
        self.region.ended(self, waiting)


def _part(text: str) -> str:
    """Return a text as a part of a name: printable, and without a `/`; two texts never become one."""
    return "".join(
        one if one.isprintable() and one not in "%/" else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in text
    )
