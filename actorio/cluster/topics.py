"""Topics over all nodes: one item for each node that has subscribers, handed on there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Generic

import msgspec

from actorio._core.checks import check_instance
from actorio._core.mailbox import Overflow
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.cluster import wire
from actorio.cluster.inbox import name_in
from actorio.cluster.settings import check_text
from actorio.errors import (
    ActorStoppedError,
    DeadlockError,
    DetachedError,
    MailboxFullError,
    NotLocalError,
    RefusedError,
    WrongThreadError,
)
from actorio.ref import ActorRef

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life, Peer

__all__ = ["ClusterTopic", "Subscriptions"]

M = TypeVar("M", default=Any)
_LONGEST = 200


class Subscriptions:
    """Who has subscribed to what, here, and which nodes have subscribers."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._here: dict[str, dict[Any, Overflow]] = {}
        self._there: dict[str, dict[Peer, None]] = {}

    def subscribe(self, topic: str, ref: Any, overflow: Overflow) -> None:
        """Send an actor of this node what is published."""
        self._life.runtime.check_thread()
        check_ref("subscribe", ref)
        check_instance("overflow", overflow, Overflow)
        if ref._cell.is_far:
            raise NotLocalError(f"subscribe takes an actor of this node, and {ref.path} is none")
        if not ref.is_alive:
            raise ActorStoppedError(ref, ref._cell.reason)
        here = self._here.setdefault(topic, {})
        here[ref] = overflow
        if len(here) == 1:
            self._tell_all(topic, wanted=True)

    def unsubscribe(self, topic: str, ref: Any) -> bool:
        """Take that back; False when it had not subscribed."""
        self._life.runtime.check_thread()
        here = self._here.get(topic, {})
        if here.pop(ref, None) is None:
            return False
        if not here:
            del self._here[topic]
            self._tell_all(topic, wanted=False)
        return True

    def forget(self, cell: Any) -> None:
        """An actor has ended."""
        for topic in [topic for topic, here in self._here.items() if cell.ref in here]:
            self.unsubscribe(topic, cell.ref)

    async def publish(self, topic: str, message: Any) -> None:
        """Send a message to all who have subscribed, on whatever node."""
        self._life.runtime.check_thread()
        life = self._life
        name, data = life.codec.encode(message)
        if life.node is None:
            raise DetachedError(f"this node is detached: {topic!r} cannot be published to")
        for peer in list(self._there.get(topic, {})):
            if peer.is_lost:
                self._there[topic].pop(peer, None)  # another publisher may have seen it
                continue
            while not peer.link.has_room and not peer.is_lost:
                await life.view.news(0.05)
            index = peer.link.reserve(len(data))(name)
            peer.link.post(wire.TopicItem(topic, index, msgspec.Raw(data)), len(data))
        for ref, overflow in list(self._here.get(topic, {}).items()):
            waiting = self._hand(ref, life.codec.decode(name, data), overflow)
            if waiting is not None:
                try:
                    await waiting
                except (ActorStoppedError, MailboxFullError):
                    continue
                except (DeadlockError, WrongThreadError):
                    raise
                except Exception as error:  # as in `_hand`, now that there is room
                    ref._cell.fail_from_outside(error)

    # -- other nodes -------------------------------------------------------------------------------

    def _tell_all(self, topic: str, *, wanted: bool) -> None:
        node = self._life.node
        if node is not None:
            for seen in self._life.view.members.values():
                if seen.record.incarnation != node.incarnation:
                    node.peer(seen.record.incarnation).link.post(wire.Subscribed(topic, wanted))

    def came(self, peer: Peer) -> None:
        """A node has joined: tell it what is wanted here."""
        for topic in self._here:
            peer.link.post(wire.Subscribed(topic, wanted=True))

    def told(self, peer: Peer, item: Any, names: list[str]) -> None:
        """Another node tells what it wants, or publishes."""
        if isinstance(item, wire.Subscribed):
            there = self._there.setdefault(item.topic, {})
            if item.wanted:
                there[peer] = None
            else:
                there.pop(peer, None)
            return
        try:
            message = self._life.codec.decode(name_in(names, item.kind), item.body)
        except RefusedError:
            return
        for ref, overflow in list(self._here.get(item.topic, {}).items()):
            self._hand(ref, message, overflow)

    def _hand(self, ref: Any, message: Any, overflow: Overflow) -> Awaitable[None] | None:
        """Send to a subscriber; returns what to await where it has no room and is to have it all the same."""
        try:
            ref.send_nowait(message)
        except ActorStoppedError:
            return None
        except MailboxFullError:
            if overflow is Overflow.WAIT:
                waiting: Awaitable[None] = ref.send(message)
                return waiting
            ref._cell.dead_letter(message, "dropped")
        except WrongThreadError:
            raise
        except Exception as error:  # the subscriber's own priority function cannot take it: its failure
            ref._cell.fail_from_outside(error)
        return None


class ClusterTopic(Generic[M]):
    """A topic of a cluster: `await ClusterTopic[Price](cluster, "prices").publish(Price(...))`.

    Who subscribes is an actor of its node; what is published goes once to each node that has subscribers, and is in
    order from each publisher. Who subscribes now may miss what is published within a second.
    """

    def __init__(self, cluster: Any, name: str) -> None:
        self.name = check_text("the name of a topic", name, most=_LONGEST)
        self._subscriptions: Subscriptions = cluster._life.topics

    def subscribe(self, ref: ActorRef[Actor[M]], *, overflow: Overflow = Overflow.WAIT) -> None:
        """Send an actor of this node what is published.

        Args:
            ref: the actor.
            overflow: when its mailbox is full: WAIT has a publisher of this node wait, and keeps its place for what
                comes from another; all else makes the item a dead letter.

        Raises:
            NotLocalError: it is of another node.
            ActorStoppedError: it has ended.
        """
        self._subscriptions.subscribe(self.name, ref, overflow)

    def unsubscribe(self, ref: ActorRef[Any]) -> bool:
        """Take that back; False when it had not subscribed."""
        return self._subscriptions.unsubscribe(self.name, ref)

    async def publish(self, message: M) -> None:
        """Send a message to all subscribers.

        Raises:
            NotSendableError, MessageTooLargeError: it cannot cross.
            DetachedError: this node holds no lease.

        Cancellation: some may not get it.
        """
        await self._subscriptions.publish(self.name, message)
