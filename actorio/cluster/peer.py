"""Another node, for as long as one of its incarnations: the line that its actors' mail goes by."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import msgspec

from actorio._cell.far import FarCell, Outgoing
from actorio._core.envelope import ENDED, ENVELOPES, Cast, payload
from actorio._core.request import Call, Request, Submission
from actorio.cluster import wire
from actorio.cluster.store import node_of
from actorio.errors import DeliveryUnknownError, ExitReason, NotLocalError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from actorio.cluster.link import Link, LoopLink
    from actorio.cluster.protocols import Node

__all__ = ["Peer", "encode_item", "message_item"]


def encode_item(node: Any, cell: FarCell, item: Any) -> tuple[str, bytes]:
    """Return what is sent of an item: the name of its type, or of the method, and its data.

    Raises:
        ClusterError: it cannot be sent.
    """
    kind = type(item)
    if kind is Call or kind is Cast:
        method = node.methods.of(item.invocation.func)
        return method.name, method.encode(item.invocation.args, item.invocation.kwargs)
    if kind is Submission:
        raise NotLocalError(f"work cannot be submitted to {cell.path}, which is of another node")
    encoded: tuple[str, bytes] = node.codec.encode(item.message if kind in ENVELOPES else item)
    return encoded


def message_item(
    target: int, serial: int, item: Any, index: int, body: bytes, loop: AbstractEventLoop
) -> wire.Send | wire.Ask | wire.Call | wire.Cast:
    """Return an item as it goes on the wire."""
    kind = type(item)
    raw = msgspec.Raw(body)
    if kind is Request or kind is Call:
        alarm = item.alarm
        left = item.timeout if alarm is None else max(alarm[0] - loop.time(), 0.0)
        return (wire.Ask if kind is Request else wire.Call)(target, serial, index, raw, left)
    return (wire.Cast if kind is Cast else wire.Send)(target, serial, index, raw)


class Peer:
    """One incarnation of another node.

    Attributes:
        asks: what is waited for from there, by serial.
        inquiries: what is asked from there, by serial.
        arrivals: what is asked from there of entities that have not started yet.
    """

    def __init__(self, node: Node, incarnation: str) -> None:
        self.node = node
        self.incarnation = incarnation
        self.window = node.settings.window
        self.ask_timeout = node.settings.ask_timeout
        self.next_serial = node.next_serial
        self.busy: dict[FarCell, None] = {}
        self.cells: weakref.WeakValueDictionary[int, FarCell] = weakref.WeakValueDictionary()
        self.asks: dict[int, Any] = {}
        self.inquiries: dict[int, Any] = {}
        self.arrivals: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.blocked: dict[Any, None] = {}
        self.link: Link | LoopLink = node.make_link(self)
        self.link.on_room = self._admit_blocked
        self.is_lost = False

    # -- as a line ---------------------------------------------------------------------------------

    def node_of(self, cell: FarCell) -> str | None:
        """Return the name of the node."""
        return node_of(self.incarnation)

    def encode(self, cell: FarCell, item: Any) -> tuple[str, bytes]:
        """Return what is sent of an item."""
        return encode_item(self.node, cell, item)

    def has_room(self, cell: Any) -> bool:
        """Tell whether the link takes more; else the cell is told when it does."""
        if self.link.has_room:
            return True
        self.blocked[cell] = None
        return False

    def _admit_blocked(self) -> None:
        blocked, self.blocked = self.blocked, {}
        for cell in blocked:
            cell.admit()

    def post(self, cell: FarCell, outgoing: Outgoing) -> None:
        """Send an item."""
        serial, item, (name, body) = outgoing
        node, link = self.node, self.link
        if node.tap is not None:
            node.tap.posted(node.host, cell, serial)
        size = len(body)
        index = link.reserve(size)(name)
        link.post(message_item(cell.address[1], serial, item, index, body, node.runtime.loop), size)
        if isinstance(item, Request):
            self.asks[serial] = item

    def withdraw(self, cell: FarCell, request: Request, serial: int) -> None:
        """Nobody waits for an answer any more."""
        self.asks.pop(serial, None)
        self.link.post(wire.Withdraw(serial))

    def watch(self, cell: FarCell) -> None:
        """Ask to be told of the end of an actor."""
        if cell.watchers is None and cell.joiners is None:
            self.link.post(wire.Watch(cell.address[1]))

    def end(self, cell: FarCell, intent: int) -> None:
        """End an actor."""
        self.link.post(wire.End(cell.address[1], intent))

    # -- its actors --------------------------------------------------------------------------------

    def cell(self, number: int, path: str) -> FarCell:
        """Return the far cell of one of its actors: one object for as long as somebody has it."""
        cell = self.cells.get(number)
        if cell is None:
            cell = FarCell(self.node.runtime, self, (self.incarnation, number, path), path)
            self.cells[number] = cell
            if self.is_lost:
                cell.end(ExitReason.LOST)
        return cell

    def fated(self, serial: int, fate: str) -> None:
        """Tell the oracles what became of a message."""
        if self.node.tap is not None:
            self.node.tap.fated(self.node.host, serial, fate)

    def lose(self) -> None:
        """The node is gone: what was sent may have been handled, what waits was not, and its actors are lost."""
        if self.is_lost:
            return
        self.is_lost = True
        self.link.close()
        cells = [*self.busy, *self.cells.values()]
        asks, self.asks = self.asks, {}
        for pending in asks.values():
            pending.cell.asks.pop(pending, None)
            pending.fail(DeliveryUnknownError(pending.cell.ref, pending.message))
        for cell in dict.fromkeys(cells):
            for serial, item, _ in cell.mailbox.untaken:
                self.fated(serial, "unknown")
                if not (type(item) in ENVELOPES and (item.answers or item.state >= ENDED)):
                    cell.dead_letter(payload(item), "unknown")
            cell.mailbox.untaken.clear()
            cell.end(ExitReason.LOST)
        self.busy.clear()
        self.blocked.clear()
        inquiries, self.inquiries = self.inquiries, {}
        for inquiry in inquiries.values():
            inquiry.withdraw()
        self.node.exports.forget(self)
