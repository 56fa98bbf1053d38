"""Tasks, futures and refs that hash by number, and so iterate in the same order in every process.

asyncio keeps tasks in sets: `TaskGroup` cancels its children in set order, `wait` and `all_tasks` answer with
sets, and the hash of an ordinary task is its address. A run with them differs from its replay as soon as
anything else has been allocated differently. So does one with a set of refs.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar

from actorio.ref import ActorRef
from actorio.testing._simulation.outside import ClosedLoop, replaced
from actorio.testing._simulation.world import World

__all__ = ["OrderedWeakSet", "SimFuture", "SimTask", "numbered_refs", "owner_of"]

T = TypeVar("T")


class SimFuture(asyncio.Future[T]):
    """A future with a birth number."""

    __slots__ = ("birth",)

    def __init__(self, *, loop: World) -> None:
        self.birth = loop.next_future()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.birth


class SimTask(asyncio.Task[T]):
    """A task with a birth number, named `function-number` when its maker does not name it.

    asyncio's own default names count all tasks of the process, and would differ from run to run.
    """

    __slots__ = ("birth",)

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        loop: World,
        name: str | None = None,
        context: Context | None = None,
        **options: Any,
    ) -> None:
        self.birth = loop.next_task()  # first: Task.__init__ puts the task into a set
        if name is None:
            name = f"{getattr(coro, '__name__', 'task')}-{self.birth}"
        super().__init__(coro, loop=loop, name=name, context=context, **options)

    def __hash__(self) -> int:
        return self.birth


def owner_of(callback: object) -> SimTask[Any] | None:
    """Return the task that this callback steps or wakes, if any."""
    owner = getattr(callback, "__self__", None)
    return owner if isinstance(owner, SimTask) else None


class OrderedWeakSet:
    """The part of `weakref.WeakSet` that asyncio uses for async generators, in order of insertion."""

    def __init__(self) -> None:
        self._items: weakref.WeakValueDictionary[int, AsyncGenerator[Any, Any]] = (
            weakref.WeakValueDictionary()
        )

    def add(self, item: AsyncGenerator[Any, Any]) -> None:
        """Add an item; the address is only a key, never an order."""
        self._items[id(item)] = item

    def discard(self, item: AsyncGenerator[Any, Any]) -> None:
        """Remove an item if it is there."""
        self._items.pop(id(item), None)

    def clear(self) -> None:
        """Remove all items."""
        self._items.clear()

    def __iter__(self) -> Iterator[AsyncGenerator[Any, Any]]:
        return iter(list(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)


@contextmanager
def numbered_refs(loop: ClosedLoop) -> Iterator[None]:
    """Hash refs by a number of their actor, given when the first one is hashed, while a run lasts; in its thread."""
    numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
    given = 0
    home, usual = loop.home, ActorRef.__hash__

    def number_of(ref: ActorRef[Any]) -> int:
        nonlocal given
        if threading.get_ident() != home:
            return usual(ref)
        number = numbers.get(ref._cell)
        if number is None:
            given += 1
            number = numbers[ref._cell] = given
        return number

    with replaced(ActorRef, "__hash__", number_of):
        yield
