"""Following the store: the view is told what the watch tells, and a watch that has fallen silent begins anew."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from actorio.errors import EngineError

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life

__all__ = ["Follower"]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Follower:
    """Follows the store for one node."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._task: asyncio.Task[Any] | None = None
        self._pause = _SHORTEST_PAUSE
        self.refused: EngineError | None = None

    def begin(self) -> None:
        """Begin the watch, or begin it anew."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._life.start(self._follow(), "watch")

    async def _follow(self) -> None:
        life = self._life
        while True:
            try:
                events: Any = life.engine.watch()
                async with contextlib.aclosing(events):
                    async for event in events:
                        life.view.take(event)
            except EngineError as error:
                self.refused = error
                return
            except Exception:  # whatever it is: begin anew
                life.view.is_live = False
            await self._rest()

    async def _rest(self) -> None:
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        await asyncio.sleep(pause)

    async def look_after(self) -> None:
        """Begin the watch anew when it does not bring own renewals back, with pauses that grow."""
        life, membership = self._life, self._life.membership
        while membership.is_held:
            await asyncio.sleep(membership.heartbeat / life.clock.rate)
            if not membership.is_watch_silent:
                self._pause = _SHORTEST_PAUSE
            elif life.view.is_live:
                self.begin()
                await self._rest()
