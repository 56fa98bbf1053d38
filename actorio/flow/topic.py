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
from actorio._tree.groups import InnerGroup
from actorio.actor import Actor
from actorio.address import check_ref
from actorio.errors import ActorError, ActorStoppedError, MailboxFullError, WrongThreadError
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
        """Send everything that is published from now on to an actor, until it ends. Idempotent.

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
        return TopicStream(self._system, self, _ReaderMailbox(capacity, overflow=overflow))

    def _offer(self, ref: ActorRef[Any], message: M, overflow: Overflow) -> bool:
        try:
            ref.send_nowait(message)
        except MailboxFullError:
            if overflow is Overflow.FAIL:
                self.unsubscribe(ref)
            return False
        except ActorStoppedError:
            return False
        except WrongThreadError:
            raise
        except Exception as error:  # the subscriber's own priority function cannot take it: its failure
            ref._cell.fail_from_outside(error)
            return False
        return True

    def _group(self, overflow: Overflow) -> Hashable:
        """Return the group of those with that policy: the subscription is the membership, and all there is."""
        return InnerGroup(Topic, self._name, overflow)


class TopicStream(Generic[M]):
    """`async with topic.stream() as messages: async for message in messages`; one task reads it.

    It is subscribed within the block, and ends with the block, once what it holds has been read, or with the system,
    which waits for no consumer. Its reader is a temporary actor at the top level: where that is supervised by
    `ONE_FOR_ALL` or `REST_FOR_ONE`, a restart of the group ends the stream too.
    """

    def __init__(self, system: ActorSystem, topic: Topic[M], mailbox: _ReaderMailbox) -> None:
        self._system = system
        self._topic = topic
        self._mailbox = mailbox
        self._feed: Feed[M] = Feed(system._runtime.check_thread)
        self._ref: ActorRef[_Reader] | None = None
        self._is_entered = False

    async def __aenter__(self) -> Self:
        if self._is_entered:
            raise ActorError("the stream of a topic is entered once: make a new one by topic.stream()")
        self._is_entered = True
        ref = self._ref = await self._system.spawn(
            _Reader, self._feed, self._mailbox, mailbox=self._mailbox, restart=Restart.TEMPORARY
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
            ActorError: outside of its block, where it is not subscribed.
            RuntimeError: another task waits for it already.
            WrongThreadError: from another thread or event loop.

        Cancellation: no message is lost.
        """
        if self._ref is None:
            raise ActorError(
                "the stream of a topic is read in its block: async with topic.stream() as messages"
            )
        message = await anext(self._feed)
        self._mailbox.taken.set()
        return message


class _ReaderMailbox(Mailbox[Any]):
    """The mailbox of a reader: `taken` when the message before was, or when nobody is waited for any more."""

    __slots__ = ("taken",)

    def __init__(self, capacity: int | None, *, overflow: Overflow) -> None:
        super().__init__(capacity, overflow=overflow)
        self.taken = asyncio.Event()

    def fresh(self) -> Mailbox[Any]:
        """Return itself: each reader has one made for it."""
        return self

    def close(self) -> None:
        """Take no more; the reader hands over what it has, and waits for no consumer."""
        super().close()
        self.taken.set()


class _Reader(Actor[Any]):
    """Hands its messages to a stream, no faster than they are read."""

    def __init__(self, to: Feed[Any], mailbox: _ReaderMailbox) -> None:
        self._to = to
        self._mailbox = mailbox

    async def on_start(self) -> None:
        """Begin `run` in the step in which it starts, so that it sees every end."""

    async def run(self) -> None:
        """Hand them over; whatever ends this, a kill too, ends the stream."""
        mailbox = self._mailbox
        try:
            while True:
                message = await self.recv()
                if not mailbox.closed:
                    mailbox.taken.clear()
                self._to._push(message)
                await mailbox.taken.wait()
        finally:
            self._to.close()
