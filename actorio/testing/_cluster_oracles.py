"""The oracles of a simulated cluster: its guarantees, checked while anybody's program runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actorio._core.observer import Observer
from actorio.cluster.events import ClusterState
from actorio.cluster.store import LeaseRecord, read
from actorio.cluster.tap import Tap
from actorio.testing.failures import GuaranteeBroken

__all__ = ["SLOWEST", "ClusterOracles"]

_LONGEST_WAIT = 30.0
SLOWEST = 0.9
"""The rate of the slowest clock that the guarantees allow for, and about one by that of the fastest."""


class ClusterOracles(Tap):
    """Order and once, one fate, one activation, growing tokens, unique names, and all well after a quiet minute.

    Args:
        loop: of the simulation.
        living: the nodes that are neither crashed nor closed.
    """

    def __init__(self, loop: Any, living: Callable[[], list[Any]]) -> None:
        self._loop = loop
        self._living = living
        self._nodes: dict[str, Any] = {}
        self._posted: dict[tuple[Any, int], tuple[float, Any]] = {}
        self._fates: dict[tuple[Any, int], str] = {}
        self._taken: dict[tuple[Any, int], Any] = {}
        self._last: dict[tuple[Any, Any], int] = {}
        self._tokens: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._parted: dict[str, float] = {}
        self.turns = Turns(self._breach)
        self.watches = Watches(self._breach)

    def _breach(self, number: str, what: str) -> None:
        error = GuaranteeBroken(number, what)
        report = getattr(self._loop, "break_guarantee", None)
        if report is None:
            raise error
        report(error)

    # -- members -----------------------------------------------------------------------------------

    def joined(self, cluster: Any, incarnation: str) -> None:
        """Remember whose incarnation it is."""
        self._nodes[incarnation] = cluster

    def parted(self, cluster: Any, incarnation: str, why: str) -> None:
        """Its names are free."""
        self._parted[incarnation] = self._loop.time()
        for name in [name for name, owner in self._names.items() if owner == incarnation]:
            del self._names[name]

    def deleted(self, cluster: Any, key: str, value: bytes, age: float) -> None:
        """Check that a lease is deleted when it has run out, or by its own node that has nothing active any more."""
        record = read(LeaseRecord, value) if key.startswith("m.") else None
        if record is None:
            return
        if cluster.membership.has_taken(record.incarnation):
            if cluster.region.by_cell:
                self._breach("C13", f"{record.incarnation} deletes its lease before its entities have ended")
        elif age < SLOWEST * cluster.membership.lease:
            self._breach(
                "C12", f"{cluster.incarnation} evicts {record.incarnation}, which was renewed {age:g} s ago"
            )

    # -- messages ----------------------------------------------------------------------------------

    def posted(self, cluster: Any, cell: Any, serial: int) -> None:
        """A message is under way."""
        self._posted[cluster, serial] = (self._loop.time(), cell)

    def taken(self, cluster: Any, sender: str, target: Any, serial: int) -> None:
        """Check that it comes in order, once, and after nobody was told that it would not be handled."""
        origin = self._nodes.get(sender)
        place = target if isinstance(target, tuple) else (cluster.incarnation, target)
        if (origin, serial) in self._taken:
            self._breach("C3", f"message {serial} of {sender} for {place} is taken twice")
        if self._last.get((origin, place), 0) > serial:
            self._breach("C2", f"message {serial} of {sender} for {place} comes after a later one")
        if self._fates.get((origin, serial)) in ("not taken", "withdrawn"):
            self._breach(
                "C5", f"message {serial} of {sender} for {place} is taken; its sender was told otherwise"
            )
        self._taken[origin, serial] = place
        self._last[origin, place] = serial

    def fated(self, cluster: Any, serial: int, fate: str) -> None:
        """Check that it has one fate, and that it is true."""
        key = (cluster, serial)
        if key in self._fates:
            self._breach(
                "C5", f"message {serial} of {cluster.incarnation}: {fate}, and {self._fates[key]} before"
            )
        if fate == "taken" and key not in self._taken:
            self._breach("C5", f"message {serial} of {cluster.incarnation} is said to be taken, and is not")
        if fate in ("not taken", "withdrawn") and key in self._taken:
            self._breach(
                "C5", f"message {serial} of {cluster.incarnation} was taken, and is said to be {fate}"
            )
        self._fates[key] = fate
        self._posted.pop(key, None)

    # -- activations, claims and names -------------------------------------------------------------

    def activated(self, cluster: Any, target: Any, cell: Any, token: int) -> None:
        """Follow the turns of the activation."""
        self.turns.follow(target, cell)

    def claimed(self, cluster: Any, shard: str, token: int) -> None:
        """Check that tokens grow."""
        if token <= self._tokens.get(shard, 0):
            self._breach("C11", f"the token {token} of {shard} is not greater than {self._tokens[shard]}")
        self._tokens[shard] = token

    def named(self, cluster: Any, name: str, incarnation: str) -> None:
        """Check that nobody else has the name."""
        owner = self._names.get(name)
        if owner is not None and owner != incarnation:
            self._breach("C14", f"{incarnation} is given the name {name!r} that {owner} has")
        self._names[name] = incarnation

    def unnamed(self, cluster: Any, name: str, incarnation: str) -> None:
        """The name is free."""
        if self._names.get(name) == incarnation:
            del self._names[name]

    # -- when all is quiet -------------------------------------------------------------------------

    def check_quiet(self) -> None:
        """Check that all are members, know each other, and nobody waits."""
        living = [life for life in self._living() if life.state is not ClusterState.LEFT]
        names = sorted(life.settings.node for life in living)
        for life in living:
            if life.state is not ClusterState.UP:
                self._breach(
                    "C12", f"{life.settings.node} is {life.state.value} a minute after the last fault"
                )
            elif sorted(life.view.members) != names:
                known = sorted(life.view.members)
                self._breach(
                    "C12", f"{life.settings.node} knows {known} a minute after the last fault, not {names}"
                )
        self.check_fates(_LONGEST_WAIT)

    def check_fates(self, longest: float = 0.0) -> None:
        """Check that no message of a living node has been without a fate for longer than so many seconds."""
        now, living = self._loop.time(), self._living()
        self.check_watches(longest)
        for (life, serial), (at, cell) in self._posted.items():
            if life in living and now - at > longest:
                self._breach(
                    "C4", f"message {serial} of {life.incarnation} to {cell.path} waits since {now - at:g} s"
                )

    def check_watches(self, longest: float) -> None:
        """Check that nobody still watches an actor whose node was gone so many seconds ago."""
        now = self._loop.time()
        self.watches.check_told({node for node, at in self._parted.items() if now - at > longest})


class Watches(Observer):
    """A watcher of an actor of another node is told of its end once, before its next message."""

    level = "turns"

    def __init__(self, breach: Callable[[str, str], None]) -> None:
        self._breach = breach
        self._open: dict[Any, dict[Any, None]] = {}

    def watched(self, cell: Any, other: Any) -> None:
        """Remember the watch."""
        if other.is_far:
            self._open.setdefault(cell, {})[other] = None

    def unwatched(self, cell: Any, other: Any) -> None:
        """Forget the watch."""
        self._open.get(cell, {}).pop(other, None)

    def notified(self, cell: Any, notice: Any) -> None:
        """Check that the notice was expected."""
        other = notice.ref._cell
        if other.is_far and self._open.get(cell, {}).pop(other, other) is not None:
            self._breach(
                "C9", f"{cell.path} is told of the end of {other.path} twice, or without watching it"
            )

    def stopped(self, cell: Any, reason: Any) -> None:
        """The watches of an incarnation end with it."""
        self._open.pop(cell, None)

    def begun(self, cell: Any, item: Any) -> None:
        """Check that it was told of the ends so far."""
        if cell in self._open:
            self._check(cell, set())

    def check_told(self, parted: set[str]) -> None:
        """Check that nobody still watches an actor that has ended, or one of these incarnations."""
        for cell in self._open:
            if not cell.urgent:  # else the notice may lie before it, and be told at this very moment
                self._check(cell, parted)

    def _check(self, cell: Any, parted: set[str]) -> None:
        for other in self._open[cell]:
            if other.reason is not None or other.address[0] in parted:
                self._breach(
                    "C9", f"{cell.path} of {cell.runtime.name} is not told of the end of {other.path}"
                )


class Turns(Observer):
    """No two activations of a key take turns at the same time; after a turn of a later one an earlier has none."""

    level = "turns"

    def __init__(self, breach: Callable[[str, str], None]) -> None:
        self._breach = breach
        self._targets: dict[Any, tuple[Any, int]] = {}
        self._running: dict[Any, Any] = {}
        self._latest: dict[Any, int] = {}
        self._activations = 0

    def follow(self, target: Any, cell: Any) -> None:
        """An activation is about to take messages."""
        self._activations += 1
        self._targets[cell] = (target, self._activations)

    def begun(self, cell: Any, item: Any) -> None:
        """Check that no other activation is in a turn, and that this one was not replaced."""
        if cell not in self._targets:
            return
        target, number = self._targets[cell]
        other = self._running.get(target)
        if other is not None and other is not cell:
            nodes = f"{cell.runtime.name} and {other.runtime.name}"
            self._breach("C10", f"two activations of {target} take turns at the same time, on {nodes}")
        if number < self._latest.get(target, 0):
            self._breach(
                "C10", f"an activation of {target} on {cell.runtime.name} goes on, though it was replaced"
            )
        self._latest[target] = number
        self._running[target] = cell

    def ended(self, cell: Any, item: Any) -> None:
        """The turn is over."""
        self._end(cell)

    def failed(self, cell: Any, message: Any, error: BaseException) -> None:
        """The turn is over, if one was."""
        self._end(cell)

    def stopped(self, cell: Any, reason: Any) -> None:
        """The activation takes no more turns."""
        self._end(cell)

    def ended_for_good(self, cell: Any, reason: Any) -> None:
        """The activation is gone."""
        self._end(cell)
        self._targets.pop(cell, None)

    def _end(self, cell: Any) -> None:
        target, _ = self._targets.get(cell, (None, 0))
        if target is not None and self._running.get(target) is cell:
            del self._running[target]
