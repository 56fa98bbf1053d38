"""A simulated engine for clusters: frames and a store on virtual time, late, lost and repeated as the tape says.

The code of the cluster above its engine is the same as with a real one, and oracles look on unasked.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from actorio._core.checks import check_duration, kind_of
from actorio.cluster.engine import LIVE, SNAPSHOT, Change, Clock, RevisionConflict
from actorio.testing._cluster_oracles import SLOWEST, ClusterOracles

__all__ = ["SimulatedEngine", "SimulatedNetwork"]

R = TypeVar("R")

_UNANSWERED = 1.0
"""Seconds that a request waits for an answer that does not come."""
_SILENT_WATCH = 0.2
"""How likely a watch dies without a word when its connection was lost, as that of nats-py does."""
_QUIET = 60.0


class SimulatedNetwork:
    """Connects the nodes of a simulated cluster.

    Args:
        latency: seconds that a frame, a request or an answer takes, at most.
        loss: how likely a frame is lost; half as likely it comes twice.
        lost_answers: how likely the answer of the store to a write is lost, whether it was written or not.

    Raises:
        ValueError, TypeError: not a duration, not a probability.
    """

    def __init__(self, *, latency: float = 0.005, loss: float = 0.0, lost_answers: float = 0.0) -> None:
        self.latency = check_duration("latency", latency)
        self.loss = _check_probability("loss", loss)
        self.lost_answers = _check_probability("lost_answers", lost_answers)
        self.loop: Any = asyncio.get_running_loop()
        self.random: random.Random = getattr(self.loop, "random", None) or random.Random(0)
        self.is_up = True
        self.values: dict[str, tuple[bytes, int]] = {}
        self.written_at: dict[str, float] = {}
        self.revision = 0
        self.engines: list[SimulatedEngine] = []
        self.is_cut: dict[str, None] = {}
        self.oracles = ClusterOracles(self.loop, self._living)
        self._quiet: asyncio.TimerHandle | None = None
        self._forgot_at, self._lease = float("-inf"), 0.0
        self.note_fault()

    # -- what a program does with it ---------------------------------------------------------------

    def engine(self) -> SimulatedEngine:
        """Return an engine for one `Cluster`."""
        engine = SimulatedEngine(self)
        self.engines.append(engine)
        return engine

    def cut(self, node: str) -> None:
        """Cut a node from the engine: nothing of it arrives, nothing arrives there."""
        self.is_cut[node] = None
        self.note_fault()

    def heal(self, node: str | None = None) -> None:
        """Connect a node again; all of them for None."""
        for name in [node] if node is not None else list(self.is_cut):
            if self.is_cut.pop(name, name) is None:
                for engine in self.engines:
                    if engine.node == name:
                        engine.reconnected()
        self.note_fault()

    def crash(self, node: str) -> None:
        """End a node as `kill -9` does: nothing of it leaves any more, its system is killed."""
        for engine in self.engines:
            if engine.node == node and not engine.is_gone:
                engine.is_gone = True
                if engine.life is not None:
                    engine.life.crash()
        self.note_fault()

    def stop_engine(self) -> None:
        """Stop the engine: no frame and no request arrives."""
        self.is_up = False
        for engine in self.engines:
            engine.tell_up(is_up=False)
        self.note_fault()

    def start_engine(self, *, forget: bool = False) -> None:
        """Start the engine again, with its store or, with `forget`, with an empty one."""
        self.is_up = True
        if forget:
            self._lease = max(
                (engine.life.membership.lease for engine in self.engines if engine.life), default=0.0
            )
            self._forgot_at = self.loop.time()
            self.values.clear()
            self.revision = 0
        for engine in self.engines:
            if engine.node not in self.is_cut:
                engine.reconnected()
                engine.tell_up(is_up=True)
        self.note_fault()

    def drift(self, node: str, rate: float) -> None:
        """Let the clock of a node go at another rate from now on: 1.1 is a tenth too fast."""
        for engine in self.engines:
            if engine.node == node:
                engine.clock.drift(rate)
        self.note_fault()

    # -- inside ------------------------------------------------------------------------------------

    def note_fault(self) -> None:
        """Something was broken or mended: a quiet minute from now on all must be well."""
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = self.loop.call_later(_QUIET, self._check_quiet)

    def _check_quiet(self) -> None:
        self._quiet = None
        if self.is_up and not self.is_cut and not self.loss:
            self.oracles.check_quiet()

    def _living(self) -> list[Any]:
        return [
            engine.life
            for engine in self.engines
            if engine.life is not None and not engine.is_gone and not engine.is_closed
        ]

    @property
    def is_forgetful(self) -> bool:
        """Tell whether the store was lost, and no node that knows has come back to say so."""
        has_members = any(key.startswith("m.") for key in self.values)
        return not has_members and self.loop.time() < self._forgot_at + self._lease / SLOWEST

    def delay(self) -> float:
        """Draw how long a way takes."""
        return self.random.random() * self.latency

    def happens(self, probability: float) -> bool:
        """Draw whether something happens."""
        return probability > 0 and self.random.random() < probability

    def write(self, key: str, value: bytes | None, revision: int) -> int | None:
        """Write a key if it has that revision; None when it has another."""
        if self.values.get(key, (b"", 0))[1] != revision:
            return None
        self.revision += 1
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = (value, self.revision)
            self.written_at[key] = self.loop.time()
        change = Change(key, value, self.revision)
        for engine in self.engines:
            engine.tell_watches(change)
        return self.revision


class SimulatedClock(Clock):
    """The loop's time at another rate."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self.rate = 1.0
        self._since = self._base = loop.time()

    def now(self) -> float:
        """Return the time of this clock."""
        return self._base + (self._loop.time() - self._since) * self.rate  # type: ignore[no-any-return]

    def drift(self, rate: float) -> None:
        """Go at that rate from now on."""
        self._base, self._since = self.now(), self._loop.time()
        self.rate = rate


class SimulatedEngine:
    """The connection of one node."""

    lease = 3.0
    heartbeat = 0.5
    max_frame = 8 * 2**20

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network
        self.clock = SimulatedClock(network.loop)
        self.tap = network.oracles
        self.node = ""
        self.life: Any = None
        self.is_gone = self.is_closed = False
        self.watches: list[deque[Any]] = []
        self._receive: Callable[[str, bytes], None] = lambda sender, frame: None
        self._up: Callable[[bool], None] = lambda is_up: None
        self._last: dict[SimulatedEngine, float] = {}
        self._lines: dict[SimulatedEngine, deque[bytes]] = {}
        self._connection = 0
        self._news = asyncio.Event()

    def attached(self, life: Any) -> None:
        """Note whose engine this is, for `crash` and the oracles."""
        self.life = life
        life.runtime.observe(self._network.oracles.turns)
        life.runtime.observe(self._network.oracles.watches)

    @property
    def is_connected(self) -> bool:
        """Tell whether a node has it."""
        return bool(self.node) and not self.is_closed

    @property
    def is_reached(self) -> bool:
        """Tell whether frames and requests of this node get through."""
        network = self._network
        return network.is_up and not self.is_gone and not self.is_closed and self.node not in network.is_cut

    async def connect(
        self, cluster: str, node: str, receive: Callable[[str, bytes], None], up: Callable[[bool], None]
    ) -> None:
        """Connect the node. Where the store was lost, its old members are there first, as the guarantees say."""
        self.node, self._receive, self._up = node, receive, up
        while not self.is_reached or self._network.is_forgetful:
            await asyncio.sleep(0.05)

    def reconnected(self) -> None:
        """The connection was lost and is there again: watches begin anew, or are silent for ever."""
        self._connection += 1
        self._news.set()

    def tell_watches(self, change: Change) -> None:
        """The store has changed."""
        for watch in self.watches:
            watch.append(change)
        self._news.set()

    def tell_up(self, *, is_up: bool) -> None:
        """Tell the node that its connection is lost, or there again."""
        if not self.is_gone and not self.is_closed:
            self._network.loop.call_later(self._network.delay(), self._say_up, is_up)

    def _say_up(self, is_up: bool) -> None:  # noqa: FBT001 (a callback)
        if not self.is_gone and not self.is_closed:
            self._up(is_up)

    # -- frames ------------------------------------------------------------------------------------

    def send(self, node: str, frame: bytes) -> None:
        """Send a frame."""
        network = self._network
        if not self.is_reached or len(frame) > self.max_frame:
            return
        for _ in range(2 if network.happens(network.loss / 2) else 1):
            if not network.happens(network.loss):
                for other in network.engines:
                    if other.node == node and not other.is_gone and not other.is_closed:
                        self._send_to(other, frame)

    def _send_to(self, other: SimulatedEngine, frame: bytes) -> None:
        loop = self._network.loop
        at = max(self._last.get(other, 0.0), loop.time() + self._network.delay())
        self._last[other] = at
        line = self._lines.setdefault(other, deque())
        line.append(frame)  # timers that are due at the same time may fire in any order
        loop.call_at(at, lambda: other.arrive(self.node, line.popleft()))

    def arrive(self, sender: str, frame: bytes) -> None:
        """A frame has come, unless this node is cut by now."""
        if self.is_reached:
            self._receive(sender, frame)

    # -- the store ---------------------------------------------------------------------------------

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that has no value."""
        return await self._request(key, value, 0)

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that has this revision."""
        return await self._request(key, value, revision)

    async def delete(self, key: str, revision: int) -> None:
        """Delete a key that has this revision."""
        await self._request(key, None, revision)

    async def _request(self, key: str, value: bytes | None, revision: int) -> int:
        network = self._network
        await asyncio.sleep(network.delay())
        if not self.is_reached or network.happens(network.lost_answers / 2):
            await self._no_answer()
        before = network.values.get(key)
        written = network.write(key, value, revision)
        if written is not None and value is None and before is not None and self.life is not None:
            age = network.loop.time() - network.written_at[key]
            network.oracles.deleted(self.life, key, before[0], age)
        await asyncio.sleep(network.delay())
        if not self.is_reached or network.happens(network.lost_answers / 2):
            await self._no_answer()
        if written is None:
            raise RevisionConflict(key)
        return written

    async def _no_answer(self) -> None:
        await asyncio.sleep(_UNANSWERED)
        raise TimeoutError("the store has not answered")

    async def watch(self) -> AsyncIterator[Any]:
        """Tell the store, and each change; anew when the connection was lost, or, as real ones do, nothing more."""
        network = self._network
        while not self.is_closed:
            while not self.is_reached:
                await asyncio.sleep(0.05)
            connection = self._connection
            queue: deque[Any] = deque()
            self.watches.append(queue)
            try:
                yield SNAPSHOT
                for key, (value, revision) in list(network.values.items()):
                    yield Change(key, value, revision)
                yield LIVE
                while self._is_open(connection):
                    if not queue:
                        await self._news.wait()
                    self._news.clear()
                    await asyncio.sleep(network.delay() + 0.001)
                    while queue and self._gets(connection):
                        yield queue.popleft()
            finally:
                self.watches.remove(queue)
            while network.happens(_SILENT_WATCH):
                await asyncio.sleep(3_600.0)

    def _gets(self, connection: int) -> bool:
        return self.is_reached and self._is_open(connection)

    def _is_open(self, connection: int) -> bool:
        return self._connection == connection and not self.is_closed

    async def close(self) -> None:
        """Let go of the network."""
        self.is_closed = True
        self._news.set()


def _check_probability(what: str, value: float) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{what} must be a number from 0 to 1, not {kind_of(value)}")
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must be a number from 0 to 1, not {value}")
    return float(value)
