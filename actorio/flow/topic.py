"""Publish and subscribe, on the process groups: `Topic[Price](system, "prices")`.

A topic is its name: all topics of one name and system are the same one, and it exists while it has subscribers.
What a slow subscriber does to the publisher is said at its subscription; it never stops the other subscribers.

Source: `Phoenix.PubSub`; `Topic` of Pekko.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Generic, Self

from actorio._core.checks import check_instance
from actorio._core.feed import Feed
from actorio._core.mailbox import Mailbox, Overflow
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.errors import ActorStoppedError, MailboxFullError
from actorio.policy import Restart
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actorio.ref import ActorRef

__all__ = ["Topic", "TopicStream"]

M = TypeVar("M", default=Any)


class Topic(Generic[M]):
    """A name under which messages of one kind are published to whoever has subscribed.

    Args:
        system: where it is known.
        name: any hashable.
    """

    def __init__(self, system: ActorSystem, name: Hashable) -> None:
        self._system = check_instance("system", system, ActorSystem)
        hash(name)  # or it would be found out with the first subscription
        self._name = name

    def subscribe(self, ref: ActorRef[Actor[M]], *, overflow: Overflow = Overflow.DROP_NEW) -> None:
        """Have everything that is published from now on sent to an actor, until it ends. Idempotent.

        Args:
            ref: the subscriber; a further subscription replaces the one before.
            overflow: when its mailbox is full and the mailbox itself drops nothing: `DROP_NEW` leaves the
                message out, `WAIT` has the publisher wait for it once all others have the message, `FAIL` ends
                the subscription.

        Raises:
            ActorStoppedError: the actor has ended.
            ValueError: `DROP_OLD` is for the actor's own mailbox to do.
        """
        check_ref("subscribe", ref)
        check_instance("overflow", overflow, Overflow)
        if overflow is Overflow.DROP_OLD:
            raise ValueError("DROP_OLD is a policy of the subscriber's own mailbox: spawn it with one")
        self.unsubscribe(ref)
        self._system.groups.join(self._group(overflow), ref)

    def unsubscribe(self, ref: ActorRef[Actor[M]]) -> bool:
        """End a subscription; False when there was none."""
        check_ref("unsubscribe", ref)
        groups = self._system.groups
        return any(groups.leave(self._group(overflow), ref) for overflow in Overflow)

    def subscribers(self) -> tuple[ActorRef[Actor[M]], ...]:
        """Return who has subscribed."""
        members = self._system.groups.members
        return tuple(ref for overflow in Overflow for ref in members(self._group(overflow)))

    async def publish(self, message: M) -> int:
        """Send a message to all subscribers of now; returns how many got it.

        It waits only for those that subscribed with `Overflow.WAIT`, after all have been sent to.

        Raises:
            DeadlockError: that wait would close a cycle of waiting actors.

        Cancellation: those that are waited for may not get it.
        """
        groups = self._system.groups
        sent = sum(
            [
                self._offer(ref, message, overflow)
                for overflow in (Overflow.DROP_NEW, Overflow.FAIL)
                for ref in groups.members(self._group(overflow))
            ]
        )
        return sent + await groups.broadcast(self._group(Overflow.WAIT), message)

    def stream(self, capacity: int = 1000, *, overflow: Overflow = Overflow.DROP_OLD) -> TopicStream[M]:
        """Return a subscription for code outside of actors: `async with topic.stream() as messages`.

        Args:
            capacity: most messages that wait to be read.
            overflow: what happens to further ones; `WAIT` has the publisher wait.
        """
        return TopicStream(self._system, self, Mailbox(capacity, overflow=overflow))

    def _offer(self, ref: ActorRef[Any], message: M, overflow: Overflow) -> bool:
        try:
            ref.send_nowait(message)
        except MailboxFullError:
            if overflow is Overflow.FAIL:
                self.unsubscribe(ref)
            return False
        except ActorStoppedError:
            return False
        return True

    def _group(self, overflow: Overflow) -> Hashable:
        """Return the group of those with that policy: the subscription is the membership, and all there is."""
        return (Topic, self._name, overflow)


class TopicStream(Generic[M]):
    """`async with topic.stream() as messages: async for message in messages`; one task reads it.

    It is subscribed within the block, and ends with the block, once what it holds has been read, or with the system.
    """

    def __init__(self, system: ActorSystem, topic: Topic[M], mailbox: Mailbox[M]) -> None:
        self._system = system
        self._topic = topic
        self._mailbox = mailbox
        self._feed: Feed[M] = Feed(system._runtime.check_thread)
        self._taken = asyncio.Event()
        self._ref: ActorRef[_Reader] | None = None

    async def __aenter__(self) -> Self:
        ref = self._ref = await self._system.spawn(
            _Reader, self._feed, self._taken, mailbox=self._mailbox, restart=Restart.TEMPORARY
        )
        waits = self._mailbox.overflow is Overflow.WAIT
        self._topic.subscribe(ref, overflow=Overflow.WAIT if waits else Overflow.DROP_NEW)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ref is not None:
            self._ref.kill()
            await self._ref.join()
        self._feed.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> M:
        """Wait for the next message.

        Raises:
            RuntimeError: another task waits for it already.
            WrongThreadError: from another thread or event loop.

        Cancellation: no message is lost.
        """
        message = await anext(self._feed)
        self._taken.set()
        return message


class _Reader(Actor[Any]):
    """Hands its messages to a stream, no faster than they are read."""

    def __init__(self, to: Feed[Any], taken: asyncio.Event) -> None:
        self._to = to
        self._taken = taken

    async def on_start(self) -> None:
        """Have `run` begin in the step in which it starts, so that it sees every end."""

    async def run(self) -> None:
        """Hand them over; whatever ends this, a kill too, ends the stream."""
        try:
            while True:
                message = await self.recv()
                self._taken.clear()
                self._to._push(message)
                await self._taken.wait()
        finally:
            self._to.close()
