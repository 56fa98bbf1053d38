"""`context.add_source`: an actor drains an async iterator besides its mailbox, one item at a time.

    async def on_start(self) -> None:
        self.context.add_source(self.connection.frames(), item=Frame, end=Disconnected)

The next item is asked for when the one before has been handled: a slow actor slows its source down.

Source: `StreamHandler` of Actix, `attach_stream` of kameo.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from actorio._cell.owned.delivery import deliver
from actorio._cell.state import BEGIN
from actorio._core.checks import check_plain_function, kind_of
from actorio._core.iterators import close_iterator
from actorio.errors import ActorError

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["add_source"]


def add_source(
    cell: Cell,
    source: AsyncIterable[Any],
    item: Callable[[Any], Any] | None,
    end: Callable[[], Any] | None,
) -> asyncio.Task[Any]:
    """Read the source in a task of the incarnation, which is cancelled with it and fails it."""
    if not isinstance(source, AsyncIterable):
        raise TypeError(f"add_source takes an async iterable, not {kind_of(source)}")
    for name, function in (("item", item), ("end", end)):
        if function is not None:
            check_plain_function(name, function)

    items = aiter(source)

    async def source_of_actor() -> None:
        try:
            await BEGIN
            async for value in items:
                if not await deliver(cell, value if item is None else item(value), is_item=True):
                    return
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # the incarnation ends, or the source was taken back
            raise ActorError(f"a source of {cell.path} was cancelled from the inside") from cancelled
        finally:
            await close_iterator(items)
        if end is not None:
            await deliver(cell, end(), is_item=True)

    return cell.start_soon(source_of_actor, (), copy_context(), begun=True)
