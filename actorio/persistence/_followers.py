"""Followers read along with what is written."""

from __future__ import annotations

import asyncio

__all__ = ["Followers"]


class Followers:
    """Counts the writes of an open store, and wakes those who wait for one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.writes = 0
        self._waiting: list[asyncio.Future[None]] = []

    def written(self) -> None:
        """Count a write, of this store or of another writer, and wake all who wait."""
        self.writes += 1
        self.wake()

    def wake(self) -> None:
        """Wake all who wait: they look again, and see whether the store is still open."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def wait(self) -> None:
        """Wait for a write."""
        one: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(one)
        try:
            await one
        finally:
            if one in self._waiting:
                self._waiting.remove(one)
