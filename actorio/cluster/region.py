"""The hosts' side of entities: claims the shards it is sent messages of, and makes an activation for each key.

After the first message of an epoch that is refused, nothing of that epoch is taken, what waits for a claim or a
start included: its sender puts all in order and routes it anew.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actorio._cell.states import Intent
from actorio.cluster import wire
from actorio.cluster.activation import Activation, Arrival
from actorio.cluster.claims import acquire, release
from actorio.cluster.placing import hosts_of, owner_of, preferred, shard_of
from actorio.cluster.view import Held
from actorio.errors import NotLocalError

if TYPE_CHECKING:
    from actorio.cluster.entity import Entity
    from actorio.cluster.protocols import Life, Peer

__all__ = ["Region", "Shard"]

_LOOKS_EVERY = 0.05
"""Seconds between two looks at what could be handed over, at least."""


class Shard:
    """A shard that this node owns."""

    __slots__ = ("activations", "held", "is_leaving", "name")

    def __init__(self, name: str, held: Held) -> None:
        self.name = name
        self.held = held
        self.is_leaving = False
        self.activations: dict[tuple[str, str], Activation] = {}


class Region:
    """The entities and singletons of this node, over its incarnations."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.kinds: dict[str, Entity] = {}
        self.shards: dict[str, Shard] = {}
        self.is_leaving = False
        self.by_cell: dict[Any, Activation] = {}
        self._claiming: dict[str, list[Arrival]] = {}
        self._refused: dict[tuple[Peer, int], int] = {}
        self._taken: dict[Peer, dict[tuple[int, int], int]] = {}
        self._ended: list[asyncio.Future[None]] = []

    # -- what comes --------------------------------------------------------------------------------

    def arrive(self, peer: Peer, item: wire.Routed, kind: str, names: list[str]) -> None:
        """Take a message for an entity, or have its sender route it anew."""
        arrival = Arrival(peer, item, kind, names)
        if self.is_refused(arrival):
            return
        entity = self.kinds.get(kind)
        if entity is None or self.life.node is None:
            self.refuse(arrival)
            return
        name = shard_of(kind, item.key, entity.shards)
        shard = self.shards.get(name)
        if shard is not None:
            if shard.is_leaving:
                self.refuse(arrival)
            else:
                self.give(shard, arrival)
        elif name in self._claiming:
            self._claiming[name].append(arrival.wait(self.life.runtime.loop.time()))
        elif self.is_leaving or owner_of(self.life.view, name) not in (None, self.life.node.incarnation):
            self.refuse(arrival)
        else:
            self._begin_claim(name, [arrival.wait(self.life.runtime.loop.time())])

    def claim(self, name: str) -> None:
        """Claim a shard without being asked to."""
        if name not in self._claiming:
            self._begin_claim(name, [])

    def _begin_claim(self, name: str, waiting: list[Arrival]) -> None:
        self._claiming[name] = waiting
        self.life.start(self._claim(name, self.life.incarnation, waiting), f"claim of {name}")

    async def _claim(self, name: str, incarnation: str, waiting: list[Arrival]) -> None:
        held = await acquire(self.life, name, incarnation)
        if self._claiming.get(name) is waiting:  # else it is a claim of the next incarnation
            del self._claiming[name]
        if held is None or self.is_leaving:
            for arrival in waiting:
                self.refuse(arrival)
            if held is not None:
                await release(self.life, name, incarnation, held)
            return
        shard = self.shards[name] = Shard(name, held)
        for arrival in waiting:
            self.give(shard, arrival)
        self.life.singletons.look()

    def give(self, shard: Shard, arrival: Arrival) -> None:
        """Give a message to the activation of its key, which is made if there is none."""
        if self.is_refused(arrival):
            return
        activation = shard.activations.get((arrival.kind, arrival.item.key))
        if activation is None:
            arrival.wait(self.life.runtime.loop.time())
            self.activate(shard, arrival.kind, arrival.item.key, [arrival])
        else:
            activation.take(arrival)

    def activate(self, shard: Shard, kind: str, key: str, waiting: list[Arrival]) -> Activation:
        """Make the activation of a key."""
        activation = Activation(self, shard, self.kinds[kind], kind, key, waiting)
        shard.activations[kind, key] = activation
        activation.start()
        return activation

    def is_refused(self, arrival: Arrival) -> bool:
        """Tell whether its epoch is over; what was lost with its sender is too."""
        if not self._refused:
            return arrival.peer.is_lost
        refused = self._refused.get((arrival.peer, arrival.item.item.target), -1)
        return refused >= arrival.item.epoch or arrival.peer.is_lost

    def refuse(self, arrival: Arrival) -> None:
        """Take nothing of this epoch any more."""
        if not self.is_refused(arrival):
            route = arrival.item.item.target
            self._refused[arrival.peer, route] = arrival.item.epoch
            self.flush(arrival.peer)
            arrival.peer.link.post(wire.Moved(route, arrival.item.epoch))

    def credit(self, peer: Peer, route: int, epoch: int) -> None:
        """Tell a sender that a message was taken: with the end of its frame, or soon."""
        taken = self._taken.get(peer)
        if taken is None:
            taken = self._taken[peer] = {}
            self.life.runtime.loop.call_soon(self.flush, peer)
        taken[route, epoch] = taken.get((route, epoch), 0) + 1

    def flush(self, peer: Peer) -> None:
        """Tell a sender what was taken."""
        taken = self._taken.pop(peer, None)
        if taken and not peer.is_lost:
            for (route, epoch), count in taken.items():
                peer.link.post(wire.RoutedTaken(route, epoch, count))

    def forget(self, peer: Peer) -> None:
        """A sender is gone."""
        self._taken.pop(peer, None)
        for key in [key for key in self._refused if key[0] is peer]:
            del self._refused[key]

    def end(self, kind: str, key: str, intent: int) -> None:
        """End the activation of a key, if there is one."""
        entity = self.kinds.get(kind)
        shard = None if entity is None else self.shards.get(shard_of(kind, key, entity.shards))
        activation = None if shard is None else shard.activations.get((kind, key))
        if activation is not None:
            activation.end(intent)

    # -- what ends ---------------------------------------------------------------------------------

    def ended(self, activation: Activation, waiting: list[Arrival]) -> None:
        """An activation has ended; what came for it meanwhile is for the next one."""
        shard: Shard = activation.shard
        if shard.activations.get((activation.kind, activation.key)) is activation:
            del shard.activations[activation.kind, activation.key]
        still = [arrival for arrival in waiting if not self.is_refused(arrival)]
        if still and self.shards.get(shard.name) is shard and not shard.is_leaving:
            self.activate(shard, activation.kind, activation.key, still)
        else:
            for arrival in still:
                self.refuse(arrival)
        self._tell_ended()
        self.life.singletons.ended(activation)

    def _tell_ended(self) -> None:
        ended, self._ended = self._ended, []
        for future in ended:
            if not future.done():
                future.set_result(None)

    async def _until_next_end(self) -> None:
        future = self.life.runtime.loop.create_future()
        self._ended.append(future)
        await future

    async def until_all_ended(self) -> None:
        """Wait until no activation is left, of whatever incarnation."""
        while self.by_cell:
            await self._until_next_end()

    async def give_up(self, shard: Shard, *, within: float | None = None) -> None:
        """Hand a shard over: take no more, handle what was taken, free the claim."""
        if shard.is_leaving:
            return
        incarnation = self.life.incarnation
        shard.is_leaving = True
        for activation in list(shard.activations.values()):
            activation.end(Intent.CLOSE)
        killing = None
        if within is not None:
            killing = self.life.runtime.timers.after(within, lambda: self._kill(shard))
        while shard.activations:
            await self._until_next_end()
        if killing is not None:
            killing.cancel()
        if self.life.is_member(incarnation):
            await release(self.life, shard.name, incarnation, shard.held)
        if self.shards.get(shard.name) is shard:
            del self.shards[shard.name]

    def _kill(self, shard: Shard) -> None:
        for activation in list(shard.activations.values()):
            activation.end(Intent.KILL)

    async def leave(self, within: float) -> None:
        """Hand all over, shard by shard; when the time is up what is left is killed."""
        self.is_leaving = True
        deadline = self.life.runtime.loop.time() + within
        while self.shards or self._claiming:
            shard = next((shard for shard in self.shards.values() if not shard.is_leaving), None)
            if shard is None:
                await self.life.view.news(0.05)
                if not self.life.is_member(self.life.incarnation):
                    return
                continue
            await self.give_up(shard, within=max(deadline - self.life.runtime.loop.time(), 0.0))

    def close(self) -> None:
        """The lease is lost: nothing of it may go on."""
        self.shards.clear()
        self._claiming.clear()
        self._refused.clear()
        self._taken.clear()
        for activation in list(self.by_cell.values()):
            activation.end(Intent.KILL)

    # -- few moves, and idle keys ------------------------------------------------------------------

    async def rebalance_always(self) -> None:
        """Hand shards to the hosts that are preferred, one at a time, when members have not changed for a while.

        A turn that does not end is killed in the end, as at a leave: all other keys of its shard wait for it.
        """
        life, interval = self.life, self.life.settings.rebalance_interval
        while True:
            await asyncio.sleep(max(min(interval, 1.0) / 2, _LOOKS_EVERY))
            if life.node is None or self.is_leaving or life.clock.now() - life.roster.changed_at < interval:
                continue
            for shard in list(self.shards.values()):
                kind = next((kind for kind in self.kinds if _is_of(shard.name, kind, self.kinds[kind])), None)
                to = None if kind is None else preferred(shard.name, hosts_of(life.view, kind))
                if to not in (None, life.incarnation):
                    await self.give_up(shard, within=life.settings.leave_timeout)
                    break

    async def passivate_always(self) -> None:
        """End the activations that have had no message for long."""
        shortest = min(
            (entity.idle for entity in self.kinds.values() if entity.idle is not None), default=None
        )
        while shortest is not None:
            await asyncio.sleep(max(shortest / 4, 0.01))
            now = self.life.runtime.loop.time()
            for activation in list(self.by_cell.values()):
                idle = activation.entity.idle
                if idle is not None and now - activation.last >= idle:
                    activation.end(Intent.CLOSE)

    def token(self, ref: Any) -> int:
        """Return the token of an activation of this node.

        Raises:
            NotLocalError: there is none.
        """
        cell = ref._cell
        activation = self.by_cell.get(cell)
        if cell.is_far and cell.address[0] == "":
            _, kind, key = cell.address
            shard = self.shards.get(getattr(cell.line, "shard", ""))
            activation = None if shard is None else shard.activations.get((kind, key))
        if activation is None or activation.cell is None or self.life.node is None:
            raise NotLocalError(f"{ref.path} is no entity or singleton that is active on this node")
        token: int = activation.shard.held.record.token
        return token


def _is_of(shard: str, kind: str, entity: Entity) -> bool:
    return shard in entity.claims(kind)
