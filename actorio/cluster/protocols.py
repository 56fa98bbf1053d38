"""Protocols of the parts of a node for each other: said here, met by `life`, `node`, `peer` and `region`.

The parts stand beside each other, and each is told of the whole. So that no circle of imports comes of that, they
know these protocols.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from actorio.cluster.engine import Clock, Engine
    from actorio.cluster.settings import Settings
    from actorio.cluster.tap import Tap
    from actorio.cluster.view import View

__all__ = ["Life", "Node", "Peer"]

R = TypeVar("R")


class Peer(Protocol):
    """One incarnation of another node."""

    node: Any
    incarnation: str
    asks: dict[int, Any]
    inquiries: dict[int, Any]
    arrivals: Any
    cells: Any
    link: Any
    is_lost: bool

    def cell(self, number: int, path: str) -> Any: ...
    def fated(self, serial: int, fate: str) -> None: ...
    def has_room(self, cell: Any) -> bool: ...
    def watch(self, cell: Any) -> None: ...


class Node(Protocol):
    """This node, for as long as it holds one lease."""

    host: Any
    incarnation: str
    runtime: Any
    settings: Settings
    codec: Any
    methods: Any
    failures: Any
    region: Any
    router: Any
    spawner: Any
    exports: Any
    tap: Tap | None
    peers: Any
    malformed: int
    next_serial: Callable[[], int]

    def peer(self, incarnation: str) -> Any: ...
    def make_link(self, peer: Any) -> Any: ...
    def notice(self, number: int) -> Any: ...
    def ref(self, incarnation: str, number: int, path: str) -> Any: ...


class Life(Protocol):
    """The life of this node, over its incarnations."""

    system: Any
    runtime: Any
    engine: Engine
    settings: Settings
    clock: Clock
    tap: Tap | None
    view: View
    codec: Any
    methods: Any
    failures: Any
    membership: Any
    events: Any
    roster: Any
    region: Any
    router: Any
    names: Any
    groups: Any
    topics: Any
    singletons: Any
    spawner: Any
    kinds: dict[str, int]
    factories: dict[str, Any]
    state: Any
    asked: tuple[float | None, float | None]
    next_serial: Callable[[], int]

    @property
    def node(self) -> Any: ...
    @property
    def incarnation(self) -> str: ...
    def is_member(self, incarnation: str) -> bool: ...
    def check_attached(self, what: str) -> None: ...
    def check_usable(self) -> None: ...
    def soon(self, work: Awaitable[R]) -> Coroutine[Any, Any, R]: ...
    def start(self, work: Coroutine[Any, Any, Any], name: str) -> Any: ...
