"""Singletons: of several candidates one runs the actor, and where it is gone another does, without being asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio.cluster.entity import Singleton
from actorio.cluster.placing import SINGLETON, owner_of, place, shard_of
from actorio.errors import ClusterError

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline
    from actorio.cluster.activation import Activation
    from actorio.cluster.protocols import Life

__all__ = ["Singletons"]

_PAUSE_AFTER_FAILURE = 1.0


class Singletons:
    """The singletons that this node is a candidate for."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.names: dict[str, None] = {}
        self._resting: dict[str, Deadline | None] = {}

    async def add(self, factory: Any, args: tuple[Any, ...], name: str) -> Any:
        """Make this node a candidate; returns the ref when the others know of it.

        Raises:
            ClusterError: this node is a candidate already.
        """
        if name in self.names:
            raise ClusterError(f"this node is a candidate for the singleton {name!r} already")
        self.names[name] = None
        self._life.region.kinds[SINGLETON + name] = Singleton(factory, args, name)
        await self._life.membership.write()
        self.look()
        return self._life.router.ref(SINGLETON + name, name, 1, factory)

    def look(self) -> None:
        """Start those that are this node's to run."""
        life, region = self._life, self._life.region
        if life.node is None or region.is_leaving or not life.view.is_live:
            return
        for name in self.names:
            kind = SINGLETON + name
            claim = shard_of(kind, name, 1)
            shard = region.shards.get(claim)
            if name in self._resting or (shard is not None and (shard.is_leaving or shard.activations)):
                continue
            if shard is not None:
                region.activate(shard, kind, name, [])
            elif owner_of(life.view, claim) is None and place(life.view, kind, claim) == life.incarnation:
                region.claim(claim)

    def ended(self, activation: Activation) -> None:
        """One has ended: by a failure it is run again, after a pause; else with its next message."""
        name = activation.kind.removeprefix(SINGLETON)
        if activation.kind == name or name not in self.names:
            return
        if self._life.node is None or activation.shard.is_leaving:
            return
        self._resting[name] = None
        if activation.has_failed:
            timers = self._life.runtime.timers
            self._resting[name] = timers.after(_PAUSE_AFTER_FAILURE, lambda: self._rested(name))

    def close(self) -> None:
        """Run none any more."""
        for alarm in self._resting.values():
            if alarm is not None:
                alarm.cancel()
        self.names.clear()

    def _rested(self, name: str) -> None:
        self._resting.pop(name, None)
        self.look()
