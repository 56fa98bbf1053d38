"""Process groups: named sets of actors, to send to all of them or to know who is in.

Source: `pg` of Erlang/OTP. An actor may be in a group more than once, and leaves as often; one that ends has
left all its groups before anybody is told of its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from actorio._core.checks import check_count
from actorio._core.feed import Feed
from actorio._core.pace import Pace
from actorio.address import check_ref
from actorio.errors import ActorError, ActorStoppedError, DeadlockError, MailboxFullError, WrongThreadError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["GroupMonitor", "Groups", "InnerGroup", "Joined", "Left"]


@dataclass(frozen=True, slots=True)
class Joined:
    """A member has joined the group, once more."""

    group: Hashable
    ref: Any


@dataclass(frozen=True, slots=True)
class Left:
    """A member has left the group, once; or ended, one such event for each of its memberships."""

    group: Hashable
    ref: Any


class InnerGroup(NamedTuple):
    """A group that something else is built on, and is not shown among the groups."""

    owner: type[Any]
    name: Hashable
    kind: Hashable


class Groups:
    """The groups of a system. A group is any hashable; it exists while it has members.

    Who is in may be read from any thread; all else raises `WrongThreadError` there. `forget` and `close` are for the
    runtime.
    """

    def __init__(self, check_thread: Callable[[], None]) -> None:
        self._check_thread = check_thread
        # Each membership has a number, so that ending thousands of members of one group is not quadratic.
        self._joins = 0
        self._members: dict[Hashable, dict[int, Any]] = {}
        self.joined: dict[Cell, dict[Hashable, list[int]]] = {}
        self._monitors: dict[Hashable, list[GroupMonitor]] = {}
        self._closed = False

    def join(self, group: Hashable, ref: Any) -> None:
        """Add a membership.

        Raises:
            ActorStoppedError: the actor has ended.
            ValueError: it belongs to another system, which would not tell of its end.
        """
        self._check_thread()
        check_ref("join", ref)
        if ref._cell.runtime.groups is not self:
            raise ValueError(f"join takes an actor of this system, and {ref.path} belongs to another")
        self._add(group, ref)

    def _add(self, group: Hashable, ref: Any) -> None:
        if not ref.is_alive:
            raise ActorStoppedError(ref, ref._cell.reason)
        self._joins += 1
        self._members.setdefault(group, {})[self._joins] = ref
        self.joined.setdefault(ref._cell, {}).setdefault(group, []).append(self._joins)
        self._tell(Joined(group, ref))

    def leave(self, group: Hashable, ref: Any) -> bool:
        """Take one membership back, the oldest; False when it had none."""
        self._check_thread()
        check_ref("leave", ref)
        joined = self.joined.get(ref._cell, {})
        numbers = joined.get(group)
        if not numbers:
            return False
        members = self._members[group]
        del members[numbers.pop(0)]
        if not numbers:
            del joined[group]
        if not joined:
            del self.joined[ref._cell]
        if not members:
            del self._members[group]
        self._tell(Left(group, ref))
        return True

    def members(self, group: Hashable) -> tuple[Any, ...]:
        """Return the members in order of joining, one entry for each membership."""
        return tuple(self._members.get(group, {}).values())

    def of(self, cell: Cell) -> list[Hashable]:
        """Return the groups that an actor is in; for the runtime."""
        return list(self.joined.get(cell, ()))

    def names(self) -> tuple[Hashable, ...]:
        """Return the groups that have members, but for those that are the subscriptions of a topic."""
        return tuple(group for group in self._members if not isinstance(group, InnerGroup))

    async def broadcast(self, group: Hashable, message: Any) -> int:
        """Send a message to each membership there is at the call; returns to how many it went.

        A member that ends or is full with the policy FAIL halfway is left out, and does not stop the others; nor does
        one whose own priority function raises, which is its failure.
        All are sent to before any full one is waited for; to very many in goes, with the loop's turns in between.

        Raises:
            DeadlockError: the wait for a full one would close a cycle of waiting actors; it alone is left out.

        Cancellation: those that still wait for room, and those whose go has not come, may not get it.
        """
        self._check_thread()
        members = self.members(group)
        sendings, pace = [], Pace(asyncio.get_running_loop())
        for ref in members:
            sendings.append(_begin_to_send(ref, message))
            if pace.is_up():
                await pace.rest()
        sent = 0
        for ref, sending in zip(members, sendings, strict=True):
            if sending is not None:
                sent += await _has_sent(ref, sending)
        return sent

    def monitor(self, group: Hashable, *, limit: int = 100_000) -> GroupMonitor:
        """Return the members now and a stream of every change after, with no gap and no repeat.

        It ends with the system.

        Args:
            group: whose.
            limit: how many events it holds at most, at least 1. One that is not read in time is closed rather than
                leave a gap: reading it raises `ActorError`, and a new one begins with the members of then.
        """
        self._check_thread()
        monitor = GroupMonitor(self, group, check_count("limit", limit, least=1))
        if self._closed:
            monitor.close()
        return monitor

    def forget(self, cell: Cell) -> None:
        """Take an actor that has ended out of all its groups."""
        for group in tuple(self.joined.get(cell, ())):
            while self.leave(group, cell.ref):
                pass

    def close(self) -> None:
        """End all monitors, also those that are yet to be made."""
        self._closed = True
        for monitors in tuple(self._monitors.values()):
            for monitor in tuple(monitors):
                monitor.close()

    def _tell(self, event: Joined | Left) -> None:
        for monitor in tuple(self._monitors.get(event.group, ())):
            monitor._push(event)


def _begin_to_send(ref: Any, message: Any) -> Awaitable[None] | None:
    """Send to a member; where its own priority function cannot take the message, that is its failure, and None."""
    try:
        return ref.send(message)  # type: ignore[no-any-return]
    except WrongThreadError:
        raise
    except Exception as error:
        ref._cell.fail_from_outside(error)
        return None


async def _has_sent(ref: Any, sending: Awaitable[None]) -> bool:
    try:
        await sending
    except (ActorStoppedError, MailboxFullError):
        return False
    except (DeadlockError, WrongThreadError):
        raise
    except Exception as error:  # as above, now that there is room
        ref._cell.fail_from_outside(error)
        return False
    return True


class GroupMonitor(Feed["Joined | Left"]):
    """`async with groups.monitor(group) as monitor: async for event in monitor`; one task reads it.

    Attributes:
        members: who was in when the monitor was made; the events tell each change since.
    """

    def __init__(self, groups: Groups, group: Hashable, limit: int) -> None:
        super().__init__(groups._check_thread)
        self._limit = limit
        self._has_lost = False
        self._groups = groups
        self._group = group
        self.members = groups.members(group)
        groups._monitors.setdefault(group, []).append(self)

    def close(self) -> None:
        """Stop watching; iteration ends after what is held. Idempotent."""
        if self._closed:
            return
        self._check_thread()
        monitors = self._groups._monitors[self._group]
        monitors.remove(self)
        if not monitors:
            del self._groups._monitors[self._group]
        super().close()

    async def __anext__(self) -> Joined | Left:
        """Wait for the next change; raises and cancellation as of any feed.

        Raises:
            ActorError: it was not read in time.
        """
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            if self._has_lost:
                raise ActorError(
                    f"this monitor of {self._group!r} was closed with {self._limit:,} unread events: make a new one"
                ) from None
            raise

    def _push(self, item: Joined | Left) -> None:
        if len(self._items) < self._limit:
            super()._push(item)
            return
        self._has_lost = True
        self._items.clear()
        self.close()

    async def __aenter__(self) -> Self:
        if self._closed:
            raise ActorError("this monitor is closed")
        return self
