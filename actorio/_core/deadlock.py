"""Who waits for whom: the graph of waiting actors, in which a cycle is a deadlock.

A turn waits for one other actor as a rule, and that one's cell is its `waits_on`: the graph is a set of chains.
A wait for several at once is a `WaitForMany` in it. Each wait is looked at when it begins.

Source: the reduction of wait-for graphs with AND and OR requests (Knapp, *Deadlock detection in distributed
databases*, 1987).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from actorio.errors import DeadlockError

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "ResultSource",
    "WaitForMany",
    "Waiting",
    "chain_of",
    "check_no_cycle",
    "check_not_within",
    "wait_of_current",
]


_MOST_TARGETS = 20


class Waiting(Protocol):
    """Who may wait for another: an actor, in its turn, and a call that runs beside its turns."""

    waits_on: Waiting | WaitForMany | None

    @property
    def task(self) -> asyncio.Task[None] | None: ...
    @property
    def stopper(self) -> asyncio.Task[None] | None: ...
    @property
    def path(self) -> str: ...
    @property
    def runtime(self) -> Any: ...


class ResultSource(Protocol):
    """The source of a result: `cell` is that of the actor that does the work, which a pool decides late."""

    cell: Any

    def result_cancelled(self) -> None: ...


class WaitForMany:
    """A wait for several at once: for each of them, or for any one.

    Whom it is for changes while it lasts (a result comes, a job is taken), so they are looked up when asked for;
    None among them is somebody who is no actor, and can always go on.

    Args:
        find: returns those that are still waited for.
        every: whether all of them are needed.
        stands_for: who is named for it in the path of a cycle, None for nobody.
    """

    __slots__ = ("_find", "every", "stands_for")

    waits_on = None

    def __init__(
        self,
        find: Callable[[], Iterable[Waiting | WaitForMany | None]],
        *,
        every: bool,
        stands_for: Waiting | None = None,
    ) -> None:
        self._find = find
        self.every = every
        self.stands_for = stands_for

    def targets(self) -> list[Waiting | WaitForMany]:
        """Return those that are still waited for and may be actors."""
        return [way for way in dict.fromkeys(self._find()) if way is not None]

    def ways(self, stuck: Waiting) -> Iterable[Waiting | WaitForMany | None]:
        """Return those that are waited for; where any will do, None for all if one is seen to be able to go on."""
        if not self.every and any(way is None or _is_free(way, stuck) for way in self._find()):
            return (None,)
        return dict.fromkeys(self._find()) or (None,)


def check_no_cycle(waiting: Waiting, target: Waiting | WaitForMany) -> None:
    """Refuse a wait of `waiting` for `target` that closes a cycle of waiting actors.

    Raises:
        DeadlockError: with the paths along the cycle.
    """
    chain: list[Any] = [target]
    while chain[-1] is not waiting:
        following = chain[-1].waits_on
        if following is None:
            if type(chain[-1]) is not WaitForMany:
                return
            found = _cycle_through_many(waiting, target)
            if found is None:
                return
            chain = found
            break
        chain.append(following)
    raise DeadlockError(_paths_of((waiting, *chain)))


def check_not_within(waiting: Waiting, target: Waiting) -> None:
    """Refuse a wait of `waiting` for the end of its own actor, or of one above: they end after all that is in them.

    It is no edge of the graph that would show it, since the one above begins to wait only when it ends.

    Raises:
        DeadlockError: with the paths along the cycle.
    """
    line: list[Any] = [getattr(waiting, "cell", waiting)]
    while line[-1] is not target:
        above = line[-1].siblings
        if not above.path:
            return
        line.append(above.owner)
    raise DeadlockError((waiting.path, *(cell.path for cell in reversed(line))))


def wait_of_current(
    runtime: Any, target: Waiting | WaitForMany, *, ends_by_itself: bool = False
) -> Callable[[], None] | None:
    """Record that the running actor, if there is one, waits for `target`; return a function that removes the record.

    Args:
        runtime: whose turns are looked at.
        target: who is waited for; a `WaitForMany` where the wait may close a cycle, since chains must have an end.
        ends_by_itself: the wait is over after some time in any case, so that it may close a cycle.

    Raises:
        DeadlockError: that would close a cycle.
    """
    waiting = runtime.current()
    if waiting is None:
        return None
    if not ends_by_itself:
        check_no_cycle(waiting, target)
    waiting.waits_on = target

    def release() -> None:
        if waiting.waits_on is target:
            waiting.waits_on = None

    return release


def chain_of(waiting: Waiting) -> list[Waiting]:
    """Return whom one waits for, and whom that one waits for, to the end, or to where it forks."""
    chain: list[Waiting] = []
    node: Any = waiting.waits_on
    while node is not None and node not in chain:
        if type(node) is not WaitForMany:
            chain.append(node)
            node = node.waits_on
            continue
        targets = node.targets()
        if node.stands_for is not None:
            chain.append(node.stands_for)
        elif len(targets) != 1:
            chain.extend(target for target in targets[:_MOST_TARGETS] if not isinstance(target, WaitForMany))
        node = targets[0] if len(targets) == 1 else None
    return chain


def _paths_of(nodes: Iterable[Waiting | WaitForMany]) -> tuple[str, ...]:
    """Return the path of each that has a name; where they are of several systems, behind the name of its own."""
    named = [node.stands_for if isinstance(node, WaitForMany) else node for node in nodes]
    actors = [node for node in named if node is not None]
    if all(actor.runtime is actors[0].runtime for actor in actors):
        return tuple(actor.path for actor in actors)
    return tuple(f"{actor.runtime.name}:{actor.path}" for actor in actors)


def _cycle_through_many(waiting: Waiting, target: Any) -> list[Any] | None:
    """Return the way from `target` to `waiting` where, with `waiting` stuck, `target` is; None where it is not."""
    ways = _ways_from(target, waiting)
    free: dict[Any, None] = {None: None}
    found = True
    while found:
        found = False
        for node in ways:
            if node not in free and node is not waiting and _can_go_on(node, ways[node], free):
                free[node] = None
                found = True
    came_from: dict[Any, Any] = {} if target in free else {target: None}
    for node in (queue := list(came_from)):
        for way in ways[node]:
            if way not in free and way not in came_from:
                came_from[way] = node
                queue.append(way)
    if waiting not in came_from:
        return None
    chain = [waiting]
    while chain[-1] is not target:
        chain.append(came_from[chain[-1]])
    return chain[::-1]


def _ways_from(target: Any, waiting: Waiting) -> dict[Any, tuple[Any, ...]]:
    """Return all that can be reached, each with whom it waits for."""
    ways: dict[Any, tuple[Any, ...]] = {}
    queue = [target]
    for node in queue:
        if node is not None and node not in ways:
            following = node.ways(waiting) if type(node) is WaitForMany else (node.waits_on,)
            ways[node] = () if node is waiting else tuple(following)
            queue.extend(ways[node])
    return ways


def _can_go_on(node: Any, ways: Iterable[Any], free: dict[Any, None]) -> bool:
    test = all if type(node) is WaitForMany and node.every else any
    return test(way in free for way in ways)


def _is_free(node: Any, stuck: Waiting) -> bool:
    return node is not stuck and node.waits_on is None and type(node) is not WaitForMany
