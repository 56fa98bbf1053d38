"""A small model of supervision: what the tree must be and who must have been told, after each operation.

It knows nothing of tasks, queues and time: one operation after the other, each with all its consequences. It
leaves open what the order of simultaneous ends decides in the real tree: a notice for one that ends or is
restarted by the same operation may or may not be seen. Where a link and a supervisor would both end the same one,
the outcome itself depends on who is first: `Ambiguous`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actorio import ExitReason, Restart, Strategy

NORMAL, SHUTDOWN, KILLED, CRASHED = (
    ExitReason.NORMAL,
    ExitReason.SHUTDOWN,
    ExitReason.KILLED,
    ExitReason.CRASHED,
)

BUDGET = 3
"""`max_restarts` of every supervisor; the time within which they count is longer than any test."""


class RootGivesUp(Exception):
    """The operation would end the whole system."""


class Ambiguous(Exception):
    """What the operation causes depends on which of its consequences comes first."""


@dataclass(eq=False)
class Node:
    """One actor."""

    name: str
    parent: "Node | None"
    restart: Restart = Restart.TRANSIENT
    strategy: Strategy = Strategy.ONE_FOR_ONE
    incarnation: int = 0
    reason: ExitReason | None = None
    children: "dict[str, Node]" = field(default_factory=dict)
    watches: "dict[Node, None]" = field(default_factory=dict)
    links: "dict[Node, None]" = field(default_factory=dict)
    handled: list[Any] = field(default_factory=list)
    restarts: "Counter[Node | None]" = field(default_factory=Counter)
    """How often each child, or the group of them, was restarted."""

    @property
    def path(self) -> str:
        return "" if self.parent is None else f"{self.parent.path}/{self.name}"

    @property
    def alive(self) -> bool:
        return self.reason is None

    def walk(self) -> "Iterator[Node]":
        """Return those below, parents first."""
        for child in self.children.values():
            yield child
            yield from child.walk()


Notice = tuple[Node, Node, ExitReason]
"""Who is told of whose end, and why it ended."""


class Model:
    """The tree, its names and groups, and what the last operation must have caused."""

    def __init__(self) -> None:
        self.root = Node("", None)
        self.aliases: dict[str, Node] = {}
        self.groups: dict[str, list[Node]] = {}
        self.forget()

    def forget(self) -> None:
        """Begin a new operation."""
        self.notices: list[Notice] = []
        self.dead_letters: list[tuple[Node, Any]] = []
        self.touched: dict[Node, None] = {}
        self._spreading: list[tuple[Node, int, ExitReason]] = []

    def nodes(self) -> list[Node]:
        return list(self.root.walk())

    # -- operations --------------------------------------------------------------------------------

    def spawn(self, parent: Node, name: str, restart: Restart, strategy: Strategy) -> Node:
        node = parent.children[name] = Node(name, parent, restart, strategy)
        return node

    def watch(self, watcher: Node, other: Node) -> None:
        if other.alive:
            watcher.watches[other] = None
        else:
            self.notices.append((watcher, other, other.reason or NORMAL))

    def link(self, node: Node, other: Node) -> None:
        """Bind two incarnations; one that has ended acts at once."""
        if other.alive:
            node.links[other] = other.links[node] = None
        else:
            self._spread(node, other.reason or NORMAL)

    def unlink(self, node: Node, other: Node) -> None:
        node.links.pop(other, None)
        other.links.pop(node, None)

    def deliver(self, node: Node, mail: list[Any]) -> None:
        """Handle messages one after the other; an exception among them is a crash.

        They are at hand as the next incarnation starts: it has failed again before those behind it are started.
        """
        again = False
        for message in mail:
            if not node.alive:
                self.dead_letters.append((node, message))
            elif isinstance(message, Exception):
                self.fail(node, CRASHED, rest_is_down=again)
                again = True
            else:
                node.handled.append(message)

    def leave(self, node: Node) -> None:
        self.fail(node, NORMAL)

    def end(self, node: Node, reason: ExitReason) -> None:
        """End it and all below, last started first, for good."""
        self._end_children(node, reason)
        self._gone(node, reason)

    def fail(self, node: Node, reason: ExitReason, rest_is_down: bool = False) -> None:
        """An incarnation has ended by itself: its supervisor decides.

        Args:
            rest_is_down: those of its group behind it still wait to be started, and so are not restarted again.
        """
        parent = node.parent
        assert parent is not None
        self._end_children(node, SHUTDOWN)
        if node.restart is Restart.TEMPORARY or (node.restart is Restart.TRANSIENT and reason is not CRASHED):
            self._gone(node, reason)
            return
        alone = parent.strategy is Strategy.ONE_FOR_ONE
        parent.restarts[node if alone else None] += 1
        if parent.restarts[node if alone else None] > BUDGET:
            self._give_up(parent, node, reason)
        elif alone:
            self._again(node, reason)
        else:
            self._restart_group(parent, node, reason, rest_is_down)

    def settle(self) -> None:
        """End those that the operation has reached by a link, and whom they reach."""
        while self._spreading:
            node, incarnation, reason = self._spreading.pop(0)
            if not node.alive or node.incarnation != incarnation:
                raise Ambiguous
            before, self.touched = self.touched, {}
            self.fail(node, reason)
            if before.keys() & self.touched.keys():
                raise Ambiguous
            self.touched = before | self.touched

    # -- consequences ------------------------------------------------------------------------------

    def _spread(self, node: Node, reason: ExitReason) -> None:
        if reason is not NORMAL:
            spread = SHUTDOWN if reason is SHUTDOWN else CRASHED
            self._spreading.append((node, node.incarnation, spread))

    def _unbind(self, node: Node, reason: ExitReason) -> None:
        for other in tuple(node.links):
            self.unlink(node, other)
            self._spread(other, reason)

    def _restart_group(self, parent: Node, failed: Node, reason: ExitReason, rest_is_down: bool) -> None:
        group = list(parent.children.values())
        if rest_is_down:
            group = group[: group.index(failed) + 1]
        if parent.strategy is Strategy.REST_FOR_ONE:
            group = group[group.index(failed) :]
        for node in reversed(group):
            if node.restart is Restart.TEMPORARY:
                self.end(node, SHUTDOWN)
            else:
                self._end_children(node, SHUTDOWN)
                self._again(node, reason if node is failed else SHUTDOWN)

    def _give_up(self, parent: Node, node: Node, reason: ExitReason) -> None:
        if parent is self.root:
            raise RootGivesUp
        self._gone(node, reason)
        self.fail(parent, CRASHED)

    def _end_children(self, node: Node, reason: ExitReason) -> None:
        for child in reversed(list(node.children.values())):
            self.end(child, reason)
        node.restarts.clear()

    def _again(self, node: Node, reason: ExitReason) -> None:
        self._unbind(node, reason)
        node.incarnation += 1
        node.watches.clear()
        self.touched[node] = None

    def _gone(self, node: Node, reason: ExitReason) -> None:
        parent = node.parent
        assert parent is not None
        node.reason = reason
        self._unbind(node, reason)
        node.watches.clear()
        self.touched[node] = None
        del parent.children[node.name]
        parent.restarts.pop(node, None)
        self.aliases = {alias: other for alias, other in self.aliases.items() if other is not node}
        for group, members in tuple(self.groups.items()):
            left = [member for member in members if member is not node]
            if left:
                self.groups[group] = left
            else:
                del self.groups[group]
        for watcher in self.nodes():
            if node in watcher.watches:
                del watcher.watches[node]
                self.notices.append((watcher, node, reason))
