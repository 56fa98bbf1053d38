"""A store whose writes and loads the test holds back."""

import asyncio
from collections.abc import Sequence
from typing import Any

from actorio.errors import StoreError
from actorio.persistence import MemoryStore
from actorio.persistence._rows import Loaded, Write

__all__ = ["HeldStore"]


class HeldStore(MemoryStore):
    """Writes wait at `gate`; `groups` are those that have come to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = asyncio.Event()
        self.came = asyncio.Event()
        self.groups: list[Sequence[Write]] = []
        self.loads = 0
        self._holds_loads = False

    def hold_loads(self) -> None:
        """Have loads wait at `gate`, too."""
        self._holds_loads = True

    def hold(self) -> None:
        self.gate.clear()
        self.came.clear()

    async def _write(self, group: Sequence[Write]) -> Sequence[int | StoreError]:
        self.groups.append(group)
        self.came.set()
        await self.gate.wait()
        return await super()._write(group)

    async def _load(self, ids: Sequence[str]) -> Sequence[Loaded | StoreError]:
        self.loads += 1
        if self._holds_loads:
            self.came.set()
            await self.gate.wait()
        return await super()._load(ids)
