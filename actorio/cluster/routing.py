"""The senders' side of entities: each message is kept until the owner has taken it, and routed anew if it does not.

A route is the line of one entity's far cell. What it has sent and what it still holds are the same list, the
untaken messages of the cell: with an owner all of them were sent, without one none.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.far import FarCell, Outgoing
from actorio._core.envelope import ENDED, ENVELOPES, payload
from actorio._core.request import Request
from actorio.cluster import wire
from actorio.cluster.inbox import error_of
from actorio.cluster.peer import encode_item, message_item
from actorio.cluster.placing import owner_of, place, shard_of
from actorio.cluster.references import entity_address
from actorio.cluster.store import node_of
from actorio.errors import NoHostError, NotLocalError

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline
    from actorio.cluster.protocols import Life, Peer

__all__ = ["Route", "Router"]

_TRY_AGAIN_AFTER = 0.05


class Router:
    """The routes of this node, over its incarnations."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.busy: dict[FarCell, None] = {}
        self._cells: weakref.WeakValueDictionary[tuple[str, str], FarCell] = weakref.WeakValueDictionary()
        self._routes: weakref.WeakValueDictionary[int, Route] = weakref.WeakValueDictionary()
        self._numbers = itertools.count(1)
        self._unplaced: dict[Route, None] = {}

    def ref(self, kind: str, key: str, shards: int, factory: Any) -> Any:
        """Return the ref of an entity: one object for as long as somebody has it."""
        cell = self._cells.get((kind, key))
        if cell is None:
            route = Route(self, next(self._numbers), kind, key, shards)
            cell = FarCell(self.life.runtime, route, entity_address(kind, key), f"/{kind}/{key}", factory)
            route.cell = weakref.ref(cell)
            self._cells[kind, key] = cell
            self._routes[route.number] = route
        return cell.ref

    def told(self, peer: Peer, item: Any) -> None:
        """An owner tells what it has taken, and what it does not."""
        route = self._routes.get(item.route)
        if route is not None and route.owner is peer and route.epoch == item.epoch:
            route.told(item)

    def wait(self, route: Route) -> None:
        """Look again when something has changed."""
        self._unplaced[route] = None

    def look_again(self) -> None:
        """Something has changed: members, claims, the lease of this node."""
        if self._unplaced and self.life.node is not None:
            unplaced, self._unplaced = self._unplaced, {}
            for route in unplaced:
                route.resolve()

    def peer_lost(self, peer: Peer) -> None:
        """An owner is gone with what it was sent; what waits in line goes to the next one."""
        for cell in [cell for cell in self.busy if cell.line.owner is peer]:  # type: ignore[attr-defined]
            cell.line.owner_lost()  # type: ignore[attr-defined]
        for route in list(self._routes.values()):
            if route.owner is peer:
                route.owner_lost()

    @property
    def is_quiet(self) -> bool:
        """Tell whether all that was sent was taken."""
        return not self.busy

    @property
    def is_stranded(self) -> bool:
        """Tell whether all that was not taken is for kinds that no member would host: a leave waits for none of it."""
        return all(cell.line.is_stranded for cell in self.busy)  # type: ignore[attr-defined]

    def close(self) -> None:
        """The node has left: nothing is routed any more."""
        for cell in list(self.busy):
            cell.line.give_up("this node has left the cluster")  # type: ignore[attr-defined]
        for route in list(self._routes.values()):
            route.close()


class Route:
    """The way to one entity."""

    def __init__(self, router: Router, number: int, kind: str, key: str, shards: int) -> None:
        settings = router.life.settings
        self._router = router
        self.number = number
        self.kind = kind
        self.key = key
        self.shard = shard_of(kind, key, shards)
        self.window = settings.window
        self.ask_timeout = settings.ask_timeout
        self.next_serial = router.life.next_serial
        self.busy = router.busy
        self.cell: Any = None
        self.owner: Peer | None = None
        self.epoch = 0
        self._avoided: str | None = None
        self._again: Deadline | None = None
        self._limits: deque[Deadline] = deque()
        self._limited_to = 0

    # -- as a line ---------------------------------------------------------------------------------

    def node_of(self, cell: FarCell) -> str | None:
        """Return the node that it is on; None while it is on none."""
        if self._router.life.node is None:  # what it knew is old
            return None
        owner = owner_of(self._router.life.view, self.shard)
        if owner is None and self.owner is not None and not cell.mailbox.untaken:
            owner = self.owner.incarnation  # it has taken a message: the watch is about to tell why
        return None if owner is None else node_of(owner)

    def encode(self, cell: FarCell, item: Any) -> tuple[str, bytes]:
        """Return what is sent of an item."""
        self._router.life.check_usable()
        return encode_item(self._router.life, cell, item)

    def has_room(self, cell: FarCell) -> bool:
        """Tell whether there is room on the way."""
        return self.owner is None or self.owner.has_room(cell)

    def post(self, cell: FarCell, outgoing: Outgoing) -> None:
        """Send an item, or keep it until there is somebody to send it to."""
        life = self._router.life
        if life.tap is not None:
            life.tap.posted(life, cell, outgoing[0])
        if self.owner is not None:
            self._send(self.owner, outgoing)
        else:
            self.resolve()

    def withdraw(self, cell: FarCell, request: Request, serial: int) -> None:
        """Nobody waits for an answer any more: where it was not sent, it is gone at once."""
        if self.owner is None and cell.not_taken(serial) is not None:
            self._fated(serial, "withdrawn")
            return
        node = self._router.life.node
        for peer in () if node is None else tuple(node.peers.values()):
            if peer.asks.pop(serial, None) is not None:
                peer.link.post(wire.Withdraw(serial))

    def watch(self, cell: FarCell) -> None:
        """Raise: an entity comes and goes."""
        raise NotLocalError(f"{cell.path} is an entity or a singleton, whose activations come and go: ask it")

    def end(self, cell: FarCell, intent: int) -> None:
        """End its activation, if there is one."""
        life = self._router.life
        owner = owner_of(life.view, self.shard)
        if life.node is not None and owner is not None:
            link = life.node.peer(owner).link
            link.post(wire.RoutedEnd(link.reserve(len(self.kind))(self.kind), self.key, intent))

    # -- its way -----------------------------------------------------------------------------------

    def _send(self, peer: Peer, outgoing: Outgoing) -> None:
        serial, item, (name, body) = outgoing
        link, size = peer.link, len(body) + len(self.key)
        number = link.reserve(size)
        entity = number(self.kind)
        message = message_item(self.number, serial, item, number(name), body, self._router.life.runtime.loop)
        link.post(wire.Routed(entity, self.key, self.epoch, message), size)
        if isinstance(item, Request):
            peer.asks[serial] = item

    @property
    def is_stranded(self) -> bool:
        """Tell whether nobody has been sent what is kept, and no member would take it."""
        return self.owner is None and place(self._router.life.view, self.kind, self.shard) is None

    def resolve(self) -> None:
        """Find an owner for what is kept, and send it."""
        cell = self.cell()
        if cell is None or self.owner is not None or self._again is not None or not cell.mailbox.untaken:
            return
        life = self._router.life
        to = None if life.node is None else place(life.view, self.kind, self.shard)
        if to is None:
            self._wait_for_a_host(cell.mailbox.untaken[-1][0])
            return
        if to == self._avoided:
            self._later()
            return
        self._lift_limits()
        self._drop_ended(cell)
        self.owner = life.node.peer(to)  # pyright: ignore[reportOptionalMemberAccess]
        for outgoing in list(cell.mailbox.untaken):
            if self.owner is not None:
                self._send(self.owner, outgoing)
        cell.admit()

    def _drop_ended(self, cell: FarCell) -> None:
        untaken = cell.mailbox.untaken
        for outgoing in [each for each in untaken if type(each[1]) in ENVELOPES and each[1].state >= ENDED]:
            untaken.remove(outgoing)
            self._fated(outgoing[0], "withdrawn")

    def _wait_for_a_host(self, newest: int) -> None:
        """Keep messages up to that number, each for its own time."""
        self._router.wait(self)
        if newest > self._limited_to:
            self._limited_to = newest
            timeout = self._router.life.settings.route_timeout
            self._limits.append(
                self._router.life.runtime.timers.after(timeout, lambda: self._no_host(newest))
            )

    def _lift_limits(self) -> None:
        for limit in self._limits:
            limit.cancel()
        self._limits.clear()
        self._limited_to = 0

    def _no_host(self, newest: int) -> None:
        self._limits.popleft()
        if self.owner is None:
            self.give_up(
                f"no living node that hosts {self.kind!r} was found within"
                f" {self._router.life.settings.route_timeout:g} s",
                newest,
            )

    def give_up(self, why: str, newest: float = math.inf) -> None:
        """Give what is kept, up to that number, its fate: it was not handled."""
        cell = self.cell()
        while (
            cell is not None
            and cell.mailbox.untaken
            and cell.mailbox.untaken[0][0] <= newest
            and self.owner is None
        ):
            serial, item, _ = cell.mailbox.untaken.popleft()
            self._fated(serial, "not taken")
            if not (type(item) in ENVELOPES and item.state >= ENDED):
                cell.refuse(item, NoHostError(f"{cell.path}: {why}", payload(item)), "unrouted")
            cell.admit()
        if cell is not None and not cell.mailbox.untaken:
            self.busy.pop(cell, None)

    def close(self) -> None:
        """Wait for nothing any more."""
        self._lift_limits()
        if self._again is not None:
            self._again.cancel()

    def _later(self) -> None:
        if self._again is None:
            self._again = self._router.life.runtime.timers.after(_TRY_AGAIN_AFTER, self._try_again)

    def _try_again(self) -> None:
        self._again = self._avoided = None
        self.resolve()

    # -- what its owner tells ----------------------------------------------------------------------

    def told(self, item: Any) -> None:
        """Take what the owner tells of this epoch."""
        cell = self.cell()
        if cell is None:
            return
        if type(item) is wire.RoutedTaken:
            if self._router.life.tap is not None:
                for serial, _, _ in list(cell.mailbox.untaken)[: item.count]:
                    self._fated(serial, "taken")
            cell.taken(item.count)
        elif type(item) is wire.RoutedGone:
            self._told_gone(cell, item.serial, item.reason)
        else:
            self._moved(cell)

    def _told_gone(self, cell: FarCell, serial: int, reason: str) -> None:
        item = cell.not_taken(serial)
        if item is None:
            return
        if self.owner is not None:
            self.owner.asks.pop(serial, None)
        self._fated(serial, "not taken" if reason else "withdrawn")
        if reason:
            cell.refuse(item, *error_of(reason, cell, item))

    def _moved(self, cell: FarCell) -> None:
        """Send what was not taken again, in order; the old owner takes no more of this epoch."""
        owner, self.owner = self.owner, None
        self.epoch += 1
        if owner is not None:
            self._avoided = owner.incarnation
            for serial, _, _ in cell.mailbox.untaken:
                owner.asks.pop(serial, None)
        self._later()

    def owner_lost(self) -> None:
        """Give up what was sent: it may have been handled, and that is its fate; asks are failed by the peer."""
        cell = self.cell()
        self.owner = None
        self.epoch += 1
        if cell is None:
            return
        untaken = list(cell.mailbox.untaken)
        cell.mailbox.untaken.clear()
        for serial, item, _ in untaken:
            self._fated(serial, "unknown")
            if not (type(item) in ENVELOPES and (item.answers or item.state >= ENDED)):
                cell.dead_letter(payload(item), "unknown")
        cell.admit()
        if not cell.mailbox.untaken and not cell.mailbox.waiting:
            self.busy.pop(cell, None)

    def _fated(self, serial: int, fate: str) -> None:
        life = self._router.life
        if life.tap is not None:
            life.tap.fated(life, serial, fate)
