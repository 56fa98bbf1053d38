"""Who waits for whom, as trees under those who wait for nobody: causes first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actorio._core.deadlock import WaitForMany

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actorio._core.deadlock import Waiting
    from actorio.observability.pace import Pace

__all__ = ["Cause", "WaitsNow", "waits_now"]


@dataclass(slots=True)
class Cause:
    """One who is waited for.

    Attributes:
        cell: the actor.
        waiters: the actors that wait for it, through others too, the nearest first.
        direct: how many of them wait for it itself.
        is_waiting: whether it waits for another actor.
    """

    cell: Any
    waiters: dict[Any, None] = field(default_factory=dict)
    direct: int = 0


@dataclass(slots=True)
class WaitsNow:
    """The graph of waits at one moment.

    Attributes:
        causes: those who are waited for and wait for nobody, most waiters first.
        direct: who waits for each actor itself.
        sizes: how many wait for each actor, through others too.
    """

    causes: list[Cause]
    direct: dict[Any, list[Any]]
    sizes: dict[Any, int]


async def waits_now(waits: Iterable[tuple[Waiting, Waiting | WaitForMany]], pace: Pace) -> WaitsNow:
    """Make the trees of waits, in slices."""
    behind: dict[Any, list[Any]] = {}
    waiting: dict[Any, None] = {}
    async for chunk in pace.chunks(waits):
        for waiter, target in chunk:
            for node in _targets(target):
                behind.setdefault(node, []).append(waiter)
                waiting[waiter] = None
    causes: dict[Any, Cause] = {}
    sizes: dict[Any, int] = {}
    async for chunk in pace.chunks([node for node in behind if node not in waiting]):
        for node in chunk:
            cause = causes.setdefault(actor_of(node), Cause(actor_of(node)))
            cause.direct += len(behind[node])
            await _gather(node, cause, behind, sizes, pace)
    direct: dict[Any, list[Any]] = {}
    async for chunk in pace.chunks(behind):
        for node in chunk:
            direct.setdefault(actor_of(node), []).extend(dict.fromkeys(map(actor_of, behind[node])))
    ordered = sorted(causes.values(), key=lambda cause: len(cause.waiters), reverse=True)
    return WaitsNow(ordered, direct, sizes)


async def _gather(
    node: Any, cause: Cause, behind: dict[Any, list[Any]], sizes: dict[Any, int], pace: Pace
) -> None:
    """Collect all that wait for a node, and count those behind each of them."""
    order, above = [node], {node: node}
    for one in order:
        for waiter in behind.get(one, ()):
            if waiter not in above:
                above[waiter] = one
                order.append(waiter)
        await pace.rest()
    count = dict.fromkeys(order, 0)
    async for chunk in pace.chunks(reversed(order[1:])):
        for one in chunk:
            count[above[one]] += count[one] + 1
    async for chunk in pace.chunks(order[1:]):
        cause.waiters.update(dict.fromkeys(map(actor_of, chunk)))
    cause.waiters.pop(cause.cell, None)
    async for chunk in pace.chunks(order):
        for one in chunk:
            actor = actor_of(one)
            sizes[actor] = max(sizes.get(actor, 0), count[one])
    sizes[cause.cell] = len(cause.waiters)


def actor_of(node: Any) -> Any:
    """Return the actor of a node: a call that runs beside the turns is of one."""
    return getattr(node, "cell", node)


def _targets(target: Any) -> list[Any]:
    """Return the actors that a wait is for."""
    found: list[Any] = []
    queue = [target]
    for node in queue:
        if isinstance(node, WaitForMany):
            queue.extend(one for one in node.targets() if one not in queue)
        else:
            found.append(node)
    return found
