"""Refs on the wire: actors of this node have a number, those of others a far cell."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actorio.cluster.placing import SINGLETON
from actorio.cluster.wire import LONGEST_KEY
from actorio.errors import ExitReason, NotSendableError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell
    from actorio.cluster.protocols import Life, Peer
    from actorio.cluster.wire import Failure

__all__ = ["Exports", "References", "check_address", "entity_address"]

_MOST_GONE = 10_000
_LONGEST = 1_000
_INCARNATION = re.compile(r"[A-Za-z0-9_-]{1,64}\.[0-9a-f]{1,64}")
"""A node is a part of the subject that frames to it go by: nothing else may get there by a ref."""


def entity_address(kind: str, key: str) -> tuple[str, str, str]:
    """Return what an entity's ref is on the wire."""
    return ("", kind, key)


class Exports:
    """The actors of this incarnation that others know, by number, and who wants to know of their ends.

    Args:
        encode: makes what is told of an exception; that itself would keep all alive that had a part in it.
    """

    def __init__(self, encode: Callable[[BaseException], Failure]) -> None:
        self._encode = encode
        self._last = 0
        self._numbers: dict[Any, int] = {}
        self._cells: dict[int, Cell] = {}
        self._watchers: dict[int, dict[Peer, None]] = {}
        self._gone: OrderedDict[int, tuple[ExitReason, Failure | None]] = OrderedDict()

    def number(self, cell: Cell) -> int:
        """Return the number of an actor."""
        number = self._numbers.get(cell)
        if number is None:
            self._last = number = self._last + 1
            if cell.reason is None:
                self._numbers[cell] = number
                self._cells[number] = cell
            else:
                self._remember_end(number, cell)
        return number

    def get(self, number: int) -> Cell | None:
        """Return the actor of that number, None when it has ended."""
        return self._cells.get(number)

    def end_of(self, number: int) -> tuple[ExitReason, Failure | None]:
        """Return how an actor has ended; of one that ended long ago, that it has."""
        return self._gone.get(number, (ExitReason.NORMAL, None))

    def watch(self, number: int, peer: Peer) -> bool:
        """Tell a node of an actor's end, when it comes; False when it has ended."""
        if number not in self._cells:
            return False
        self._watchers.setdefault(number, {})[peer] = None
        return True

    def ended(self, cell: Cell) -> tuple[int, list[Peer]]:
        """Take an actor out that has ended; returns its number, 0 for none, and who is to be told."""
        number = self._numbers.pop(cell, 0)
        if number:
            del self._cells[number]
            self._remember_end(number, cell)
        return number, list(self._watchers.pop(number, ()))

    def _remember_end(self, number: int, cell: Cell) -> None:
        failure = None if cell.error is None else self._encode(cell.error)
        self._gone[number] = (cell.reason or ExitReason.NORMAL, failure)
        if len(self._gone) > _MOST_GONE:
            self._gone.popitem(last=False)

    def forget(self, peer: Peer) -> None:
        """A node is gone: it is told nothing."""
        for watchers in self._watchers.values():
            watchers.pop(peer, None)


def check_address(data: Any) -> tuple[str, str | int, str]:
    """Return what is a ref on the wire.

    Raises:
        ValueError: it is none.
    """
    match data:
        case ["", str() as kind, str() as key]:
            valid = len(kind) <= _LONGEST and 0 < len(key) <= LONGEST_KEY
        case [str() as incarnation, int() as number, str() as path]:
            valid = (
                _INCARNATION.fullmatch(incarnation) is not None
                and 0 < number < 1 << 63
                and len(path) <= _LONGEST
            )
        case _:
            valid = False
    if not valid:
        raise ValueError("this is no ref")
    return tuple(data)  # pyright: ignore[reportReturnType]


class References:
    """Writes and reads the refs of one node's messages."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def pack(self, ref: Any) -> list[Any]:
        """Return a ref as data.

        Raises:
            NotSendableError: of another system, or this node is on its own.
        """
        cell, node = ref._cell, self._life.node
        if cell.is_far:
            return list(cell.address)
        if cell.runtime is not self._life.runtime:
            raise NotSendableError(f"{ref.path} is of another system than this cluster's", ref)
        if node is None:
            raise NotSendableError(f"the ref of {ref.path} cannot be sent while this node is detached", ref)
        return [node.incarnation, node.exports.number(cell), cell.path]

    def unpack(self, data: Any) -> Any:
        """Return a ref of this node.

        Raises:
            ValueError: the data is none.
        """
        incarnation, number, path = check_address(data)
        life = self._life
        if incarnation == "":
            kind = str(number)
            shards = 1 if kind.startswith(SINGLETON) else life.kinds.get(kind)
            if shards is None:
                raise ValueError(f"no kind of entities is known as {kind!r}")
            return life.router.ref(kind, path, shards, life.factories.get(kind))
        if life.node is None:
            raise ValueError("this node is detached")
        return life.node.ref(incarnation, int(number), path)
