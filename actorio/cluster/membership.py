"""The lease of this node: taken once, renewed by its heart, given up in time; those of others buried when due.

The rules, each of which has cost a broken run:

- The fence is a timer and awaits nothing: whatever hangs, this node stops at 0.8 of its lease.
- A lease counts from before its renewal was sent; a renewal whose answer was lost does not count.
- A conflict may be with an own write whose answer was lost: look before believing.
- An incarnation takes a lease once; after any doubt it is a new one.
- A stale lease is deleted by its revision, when that has not changed for the time of a lease.

Source: C. Gray and D. Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache
consistency", SOSP 1989.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actorio._core.deadlines import Deadline, Deadlines
from actorio.cluster.engine import Clock, Engine, RevisionConflict
from actorio.cluster.store import lease_key
from actorio.cluster.view import Seen, View
from actorio.errors import EngineError, NodeNameInUseError

__all__ = ["FENCE_AT", "Membership"]

R = TypeVar("R")

FENCE_AT = 0.8
"""The part of the lease after which this node stops by itself."""
_RETRY_AFTER = 0.1


class Membership:
    """Keeps the lease of one node, over its incarnations.

    Args:
        engine: holds it.
        view: what the watch has told.
        clock: measures it.
        timers: hold the fence.
        node: the name of this node.
        record: makes the value of the lease for an incarnation.
        lost: is called when the lease is lost, with why.
    """

    def __init__(
        self,
        engine: Engine,
        view: View,
        clock: Clock,
        timers: Deadlines,
        node: str,
        record: Callable[[str], bytes],
        lost: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._view = view
        self._clock = clock
        self._timers = timers
        self._node = node
        self._key = lease_key(node)
        self._record = record
        self._lost = lost
        self.lease = self.heartbeat = 0.0
        self.incarnation = ""
        self.since = 0.0
        self.is_held = False
        self._own: dict[str, None] = {}
        self._revision = 0
        self._counts_from = 0.0
        self._fence: Deadline | None = None
        self._hurry = asyncio.Event()
        self._asked = self._written = 0
        self._unanswered_until = 0.0

    def has_taken(self, incarnation: str) -> bool:
        """Tell whether that incarnation is one of this node, the present one or an earlier one."""
        return incarnation in self._own

    @property
    def has_run_out(self) -> bool:
        """Tell whether the lease has run out, whatever the fence has seen yet."""
        return self._clock.now() >= self._counts_from + FENCE_AT * self.lease

    @property
    def _seen(self) -> Seen | None:
        return self._view.members.get(self._node)

    # -- taking it ---------------------------------------------------------------------------------

    async def take(self) -> None:
        """Take the lease, as a new incarnation, once nobody has it.

        Raises:
            NodeNameInUseError: a living node has the name.
            EngineError: the engine does not let this node write.
        """
        first: Seen | None = None
        while True:
            seen = self._seen
            if seen is None:
                if await self._try_to_take():
                    return
                continue
            if seen.record.incarnation in self._own:
                await self._bury(seen)
            elif first is None or first.record.incarnation != seen.record.incarnation:
                first = Seen(seen.record, seen.revision, self._clock.now())
            elif first.revision != seen.revision:
                raise NodeNameInUseError(f"a living node of the cluster is called {self._node!r}")
            elif self._clock.now() - first.at > self.lease:
                await self._bury(seen)
            await self._view.news(self.heartbeat / 2)

    async def _try_to_take(self) -> bool:
        self.incarnation = f"{self._node}.{os.urandom(6).hex()}"
        self.since = time.time_ns() / 1e9
        self._own[self.incarnation] = None
        began = self._clock.now()
        self._unanswered_until = began + max(self.heartbeat, _RETRY_AFTER)
        try:
            revision = await self._soon(self._engine.create(self._key, self._record(self.incarnation)))
        except RevisionConflict:
            await self._view.news(self.heartbeat / 2)
            return False
        except EngineError:
            raise
        except Exception:  # whether it was written is not known: the next attempt is another incarnation
            await self._view.news(_RETRY_AFTER)
            return False
        self._revision, self._counts_from = revision, began
        if self.has_run_out:
            return False
        self.is_held = True
        self._watch_fence()
        return True

    async def _soon(self, work: Awaitable[R]) -> R:
        async with asyncio.timeout(max(self.heartbeat, _RETRY_AFTER) / self._clock.rate):
            return await work

    async def _bury(self, seen: Seen) -> None:
        try:
            await self._soon(self._engine.delete(lease_key_of(seen), seen.revision))
        except Exception:  # it has moved, or another node was quicker, or it will be tried again
            return

    # -- keeping it --------------------------------------------------------------------------------

    def _watch_fence(self) -> None:
        """Stop in time. Awaits nothing, and hangs on nothing."""
        if not self.is_held:
            return
        left = self._counts_from + FENCE_AT * self.lease - self._clock.now()
        if left <= 0:
            self.give_up("its lease has run out")
        else:
            self._fence = self._timers.after(left / self._clock.rate, self._watch_fence)

    def give_up(self, why: str) -> None:
        """Hold the lease no more, and say so. Idempotent."""
        if self.is_held:
            self.is_held = False
            if self._fence is not None:
                self._fence.cancel()
            self._lost(why)

    async def renew_always(self) -> None:
        """Renew the lease, a heartbeat after another, for as long as it is held."""
        while self.is_held:
            try:
                async with asyncio.timeout(self.heartbeat / self._clock.rate):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            self._hurry.clear()
            await self._renew_now()

    async def _renew_now(self) -> None:
        while self.is_held and not await self._renew():
            await self._view.news(_RETRY_AFTER)

    async def _renew(self) -> bool:
        asked, began, revision = self._asked, self._clock.now(), self._revision
        try:
            self._revision = await self._soon(
                self._engine.update(self._key, self._record(self.incarnation), revision)
            )
        except RevisionConflict:
            seen = self._seen
            if seen is not None and seen.record.incarnation == self.incarnation:
                self._revision = seen.revision  # an own renewal whose answer was lost
            return False
        except Exception:
            return False
        self._counts_from = max(self._counts_from, began)
        self._written = asked
        return True

    async def write(self) -> None:
        """Write at once what has changed into the lease; returns when that is written, or the lease is lost."""
        self._asked += 1
        asked = self._asked
        self._hurry.set()
        while self.is_held and self._written < asked:
            await self._view.news(_RETRY_AFTER)

    async def release(self) -> None:
        """Delete the lease: the last thing that a node does."""
        while self.is_held:
            seen = self._seen
            if seen is None or seen.record.incarnation != self.incarnation:
                break
            await self._bury(seen)
            await self._view.news(_RETRY_AFTER)
        self.forgo()

    async def retract(self) -> None:
        """Delete what may lie in the store of leases that this node holds no more, or was about to take."""
        while True:
            seen = self._seen
            if seen is not None and seen.record.incarnation in self._own:
                await self._bury(seen)
            elif self._clock.now() >= self._unanswered_until:
                return
            await self._view.news(_RETRY_AFTER)

    def forgo(self) -> None:
        """Hold the lease no more."""
        self.is_held = False
        if self._fence is not None:
            self._fence.cancel()

    # -- those of others ---------------------------------------------------------------------------

    @property
    def is_watch_silent(self) -> bool:
        """Tell whether own renewals that were answered do not come back by the watch."""
        seen = self._seen
        return seen is not None and self._counts_from - seen.at > 3 * self.heartbeat

    async def bury_always(self) -> None:
        """Delete the leases of others that have not moved for the time of a lease."""
        while self.is_held:
            await asyncio.sleep(self.heartbeat / 4 / self._clock.rate)
            now, own = self._clock.now(), self._seen
            if not self._view.is_live or own is None or now - own.at > 3 * self.heartbeat:
                continue
            for seen in list(self._view.members.values()):
                if seen is not own and now - seen.at > self.lease and self.is_held:
                    await self._bury(seen)


def lease_key_of(seen: Seen) -> str:
    """Return the key of a lease that was seen."""
    return lease_key(seen.record.incarnation.rpartition(".")[0])
