"""The life of a node: it joins, is a member, may be detached and rejoin, and leaves."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from actorio._cell.states import Intent
from actorio.cluster.agreement import agree, is_agreed
from actorio.cluster.codec import Codec
from actorio.cluster.engine import Clock, Engine
from actorio.cluster.events import (
    ClusterEvents,
    ClusterState,
    Detached,
    EngineDown,
    EngineUp,
    Rejoined,
)
from actorio.cluster.failures import Failures
from actorio.cluster.following import Follower
from actorio.cluster.groups import ClusterGroups
from actorio.cluster.membership import Membership
from actorio.cluster.methods import Methods
from actorio.cluster.names import Names
from actorio.cluster.node import Node
from actorio.cluster.placing import SINGLETON
from actorio.cluster.references import References
from actorio.cluster.region import Region
from actorio.cluster.roster import Roster
from actorio.cluster.routing import Router
from actorio.cluster.singletons import Singletons
from actorio.cluster.spawning import Spawner
from actorio.cluster.store import LeaseRecord
from actorio.cluster.tap import Tap
from actorio.cluster.tasks import Tasks, at_most
from actorio.cluster.topics import Subscriptions
from actorio.cluster.view import View
from actorio.cluster.wire import PROTOCOL
from actorio.errors import ClusterError, DetachedError, EngineError
from actorio.observability.watchdog import Watchdog

if TYPE_CHECKING:
    from actorio.cluster.settings import Settings
    from actorio.system import ActorSystem

__all__ = ["Life"]

R = TypeVar("R")

_WARN_AT = 0.25
"""Of the lease: so long may the loop be blocked without a warning."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds between a detachment and the attempt to rejoin."""


class Life:
    """All that one node is; `Cluster` is what users see of it."""

    def __init__(  # noqa: PLR0915 (one line a part)
        self, system: ActorSystem, engine: Engine, settings: Settings, errors: tuple[type[Exception], ...]
    ) -> None:
        self.system = system
        self.runtime: Any = system._runtime
        self.engine = engine
        self.settings = settings
        self.clock: Clock = getattr(engine, "clock", None) or Clock()
        self.tap: Tap | None = getattr(engine, "tap", None)
        self.state = ClusterState.JOINING
        self.node: Node | None = None
        self.asked: tuple[float | None, float | None] = (None, None)
        self.codec = Codec(References(self), settings.max_message)
        self.methods = Methods(self.codec)
        self.failures = Failures(self.codec, errors)
        self.kinds: dict[str, int] = {}
        self.factories: dict[str, Any] = {}
        self.roster = roster = Roster(self)
        self.view = View(self.clock, roster.came, roster.changed, roster.gone, roster.moved)
        self.membership = Membership(
            engine, self.view, self.clock, self.runtime.timers, settings.node, self._record, self._lost
        )
        self.events = ClusterEvents(self.runtime.check_thread, lambda: None)
        self.router = Router(self)
        self.region = Region(self)
        self.names = Names(self)
        self.singletons = Singletons(self)
        self.groups = ClusterGroups(self)
        self.topics = Subscriptions(self)
        self.spawner = Spawner(self)
        self.next_serial: Callable[[], int] = itertools.count(1).__next__
        self._tasks = Tasks(self.runtime, settings.node)
        self._of_lease = Tasks(self.runtime, settings.node)
        self.start = self._tasks.start
        self.follower = Follower(self)
        self._watchdog: Watchdog | None = None
        self._down_since: float | None = None
        self._leaving: asyncio.Future[None] | None = None
        self._rejoining: asyncio.Task[None] | None = None
        self._has_ended = False

    # -- what it is --------------------------------------------------------------------------------

    @property
    def incarnation(self) -> str:
        """The present incarnation, or the last one."""
        return self.membership.incarnation

    def is_member(self, incarnation: str) -> bool:
        """Tell whether this node still is that incarnation, and may act as it."""
        return (
            self.node is not None
            and self.membership.is_held
            and self.membership.incarnation == incarnation
            and not self.membership.has_run_out
        )

    def check_attached(self, what: str) -> None:
        """Refuse what a node without a lease cannot do.

        Raises:
            DetachedError: it has none.
        """
        self.check_usable()
        if self.node is None:
            raise DetachedError(f"{what} needs a lease, and the node {self.settings.node!r} has none now")

    def check_usable(self) -> None:
        """Refuse use outside of the block, on another thread, and in a forked child, whose parent has the node.

        Raises:
            ClusterError: the block was not entered, or left.
            WrongThreadError: this is another thread, or a forked child.
        """
        self.runtime.check_thread()
        if self.state is ClusterState.LEFT or (self.state is ClusterState.JOINING and self.node is None):
            raise ClusterError(f"the node {self.settings.node!r} is in no cluster: {self.state.value}")

    def _record(self, incarnation: str) -> bytes:
        leaving = self.state is ClusterState.LEAVING
        hosted = [kind for kind in self.region.kinds if not kind.startswith(SINGLETON)]
        record = LeaseRecord(
            incarnation,
            self.membership.since,
            PROTOCOL,
            self.settings.version,
            list(self.settings.roles),
            leaving,
            {kind: self.kinds[kind] for kind in hosted},
            self.kinds,
            [] if leaving else list(self.singletons.names),
            list(self.methods.spawnable),
            self.view.settles_in(self.membership.lease),
            self.membership.lease,
            self.membership.heartbeat,
        )
        return msgspec.msgpack.encode(record)

    # -- joining -----------------------------------------------------------------------------------

    async def join(self) -> None:
        """Become a member; returns when this node knows all others."""
        settings = self.settings
        if getattr(self.engine, "is_connected", False):
            raise ClusterError("this engine is that of another node: each cluster has one of its own")
        if hasattr(self.engine, "attached"):
            self.engine.attached(self)  # pyright: ignore[reportAttributeAccessIssue]
        try:
            async with asyncio.timeout(settings.join_timeout / self.clock.rate):
                await self.engine.connect(settings.name, settings.node, self._receive, self._up)
                self._check_frames()
                self.follower.begin()
                while not self.view.is_live:
                    await self.view.news(0.1)
                    if self.follower.refused is not None:
                        raise self.follower.refused
                await self._agree_and_take()
        except TimeoutError:
            await self._end()
            raise EngineError(
                f"the engine of the cluster {settings.name!r} was not reached, or gave no lease, within"
                f" {settings.join_timeout:g} s"
            ) from None
        except BaseException:
            await self._end()
            raise
        self._begin_to_watch()

    def _begin_to_watch(self) -> None:
        self.start(self.region.rebalance_always(), "rebalance")
        self.start(self.region.passivate_always(), "passivate")
        self._watch_loop()

    def _watch_loop(self) -> None:
        """Warn of what blocks the loop, long before that costs the lease; in a simulation nothing does."""
        if self.tap is None:
            self._watchdog = Watchdog(self.runtime, _WARN_AT * self.membership.lease, lambda: None)
            self._watchdog.start()

    def _check_frames(self) -> None:
        limit = self.settings.max_message
        if limit + 4_096 > self.engine.max_frame:
            raise ClusterError(
                f"max_message is {limit}, but the engine carries frames of at most {self.engine.max_frame} bytes"
            )

    async def _agree_and_take(self) -> None:
        while True:
            self.membership.lease, self.membership.heartbeat = await agree(self)
            await self._take()
            if is_agreed(self):
                break
            await self.membership.release()
        self._begin()

    async def _take(self) -> None:
        self.view.settle_with_others(self.membership.lease)
        await self.membership.take()
        while not self.view.is_alive(self.incarnation):  # so that all that this node knows is of one moment
            await self.view.news(0.1)
            if not self.membership.is_held:
                raise EngineError("the lease was lost before the watch had told of it")

    def _begin(self) -> None:
        """This node is a member from now on."""
        node = self.node = Node(self, self.incarnation)
        self.runtime.node = self.settings.node
        self.state = ClusterState.UP
        if self.tap is not None:
            self.tap.joined(self, self.incarnation)
        self.roster.greet_all(node)
        self._of_lease.start(self.membership.renew_always(), "heartbeat")
        self._of_lease.start(self.membership.bury_always(), "burials")
        self._of_lease.start(self.follower.look_after(), "watch over the watch")
        self.router.look_again()

    # -- the engine --------------------------------------------------------------------------------

    def _receive(self, sender: str, frame: bytes) -> None:
        if self.node is None:
            return
        if self.membership.has_run_out:  # it was frozen: the fence comes before any message
            self.membership.give_up("its lease has run out")
        elif sender != self.settings.node:
            self.node.receive(sender, frame)

    def _up(self, is_up: bool) -> None:  # noqa: FBT001 (the engine's callback)
        now = self.clock.now()
        if not is_up and self._down_since is None:
            self._down_since = now
            self.events.tell(EngineDown())
        elif is_up and self._down_since is not None:
            after, self._down_since = now - self._down_since, None
            self.events.tell(EngineUp(after))
            if self.node is not None:
                self.node.reached_again()

    async def soon(self, work: Awaitable[R]) -> R:
        """Await an operation of the store, for at most a heartbeat: whether it was done is not known then."""
        heartbeat = self.membership.heartbeat or self.engine.heartbeat
        async with asyncio.timeout(heartbeat / self.clock.rate):
            return await work

    # -- detached ----------------------------------------------------------------------------------

    def _lost(self, why: str) -> None:
        """The lease is gone: all that stood on it ends at once."""
        node, self.node = self.node, None
        if node is None:
            return
        if self.tap is not None:
            self.tap.parted(self, node.incarnation, why)
        leaving = self.state is ClusterState.LEAVING
        self.state = ClusterState.DETACHED
        self.region.close()
        node.close()
        self._of_lease.cancel()
        self.events.tell(Detached(why))
        if leaving:
            return
        if self.settings.rejoins:
            self._rejoining = self.start(self._rejoin(), "rejoin")
        else:
            self.runtime.shutdown.fail_from_outside(DetachedError(f"{self.settings.node} is detached: {why}"))

    async def _rejoin(self) -> None:
        """Become a new incarnation, once nothing of the old one is left."""
        pause = self.runtime.random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE / 2)
        while self.node is None:
            await asyncio.sleep(pause)
            await self.region.until_all_ended()
            try:
                async with asyncio.timeout(self.membership.lease + _LONGEST_PAUSE):
                    await self._join_again()
            except Exception:  # not now: the name is taken, the engine away, or others do not agree
                pause = self.runtime.random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE)
        self.events.tell(Rejoined(self.incarnation))
        self.singletons.look()
        await self.names.announce()

    async def _join_again(self) -> None:
        self.view.is_live = False  # by a watch that is new: the old one may be silent
        self.follower.begin()
        while not self.view.is_live:
            await self.view.news(_SHORTEST_PAUSE)
        await self._agree_and_take()

    # -- leaving -----------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Leave in order. Idempotent; a second call waits for the first, and ends what that was cancelled in."""
        if self._leaving is not None:
            await asyncio.shield(self._leaving)
        elif not self._has_ended:
            leaving = self._leaving = self.runtime.loop.create_future()
            try:
                if self.node is not None:
                    await self._leave_in_order(self.node.incarnation)
            finally:
                try:
                    await self._end()
                finally:
                    leaving.set_result(None)
        if not self._has_ended:
            await self._end()

    async def _leave_in_order(self, incarnation: str) -> None:
        self.state = ClusterState.LEAVING
        within = self.settings.leave_timeout
        deadline = self.runtime.loop.time() + within
        await self.membership.write()
        await self.region.leave(within)
        while self.is_member(incarnation) and not self._is_quiet() and self.runtime.loop.time() < deadline:
            await self.view.news(0.02)
        if self.is_member(incarnation) and not self.region.by_cell:
            async with at_most(max(within, 1.0)):
                await self.membership.release()

    def _is_quiet(self) -> bool:
        """Tell whether others have all that this node has sent."""
        peers = () if self.node is None else self.node.peers.values()
        return self.router.is_stranded and not any(peer.busy or peer.link.unacknowledged for peer in peers)

    async def _end(self) -> None:
        """Let go of everything: tasks, links, the engine."""
        if self._watchdog is not None:
            self._watchdog.stop()
        try:
            if self.node is None:
                await self._retract()
        finally:
            self._let_go("left")
        await self._of_lease.close()
        await self._tasks.close()
        async with at_most(2.0):
            await self.engine.close()
        self._has_ended = True

    async def _retract(self) -> None:
        """Leave no lease behind: that of an attempt to join, or of an incarnation that is detached."""
        if self._rejoining is not None:
            self._rejoining.cancel()
        async with at_most(2 * max(self.membership.heartbeat, _SHORTEST_PAUSE) / self.clock.rate):
            await self.region.until_all_ended()
            await self.membership.retract()

    def _let_go(self, why: str) -> None:
        self.state = ClusterState.LEFT
        self.runtime.node = None
        node, self.node = self.node, None
        self.membership.forgo()
        if node is not None:
            if self.tap is not None:
                self.tap.parted(self, node.incarnation, why)
            node.close()
        for part in (self.region, self.router, self.singletons, self.events, self.groups):
            part.close()
        self._of_lease.cancel()
        self._tasks.cancel()

    def forget(self, cell: Any) -> None:
        """An actor of this system has ended, or one of another node."""
        self.groups.forget(cell)
        if not cell.is_far:
            self.topics.forget(cell)
            if self.node is not None:
                self.node.forget(cell)

    # -- for the simulation ------------------------------------------------------------------------

    def crash(self) -> None:
        """End as a killed process does: nothing of it leaves any more."""
        self._of_lease.is_closed = self._tasks.is_closed = True
        self._let_go("crashed")
        self._has_ended = True
        self.runtime.shutdown.begin(Intent.KILL)
