"""Tames what anyio does behind the loop's back: worker threads, and sets ordered by address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

import anyio
from anyio._backends._asyncio import AsyncIOBackend, CancelScope

from actorio.testing._simulation.loop import SimLoop
from actorio.testing._simulation.outside import replaced

__all__ = ["tamed_anyio"]


@contextmanager
def tamed_anyio(loop: SimLoop) -> Iterator[None]:
    """Run `anyio.to_thread` work as the loop's executor does, and give cancel scopes an order.

    A scope keeps its child scopes in a set. With one hash for all, its order depends on the order of
    insertion alone (and lookup is linear, which the handful of child scopes of a scope does not notice).
    Other threads have loops of their own, and go on as they were.
    """
    in_thread, usual = AsyncIOBackend.run_sync_in_worker_thread, CancelScope.__hash__

    async def run_sync_in_worker_thread(
        func: Callable[..., Any],
        args: tuple[Any, ...],
        abandon_on_cancel: bool = False,  # noqa: FBT001, FBT002 - anyio's signature
        limiter: anyio.CapacityLimiter | None = None,
    ) -> Any:
        if threading.get_ident() != loop.home:
            return await in_thread(func, args, abandon_on_cancel, limiter)
        await AsyncIOBackend.checkpoint()
        async with limiter or AsyncIOBackend.current_default_thread_limiter():
            with CancelScope(shield=not abandon_on_cancel):
                return await loop.run_in_executor(None, partial(copy_context().run, func, *args))

    def number_of(scope: CancelScope) -> int:
        return 0 if threading.get_ident() == loop.home else usual(scope)

    threads = staticmethod(run_sync_in_worker_thread)
    with (
        replaced(AsyncIOBackend, "run_sync_in_worker_thread", threads),
        replaced(CancelScope, "__hash__", number_of),
    ):
        yield
