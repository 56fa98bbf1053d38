"""Closing what is iterated over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

__all__ = ["close_iterator"]


async def close_iterator(items: AsyncIterator[Any]) -> None:
    """Let an async generator clean up; other iterators have nothing to close."""
    close: Callable[[], Any] | None = getattr(items, "aclose", None)
    if close is not None:
        await close()
