"""The store of a mailbox and of the run queue: a `deque`, or the compiled ring that does what one does."""

from __future__ import annotations

from collections import deque
from typing import Any

from actorio._core.acceleration import compiled

__all__ = ["RINGS", "Ring"]

Ring: Any = deque if compiled is None else compiled.Ring
"""The class of new ones."""
RINGS: tuple[type, ...] = (deque, Ring)
"""The classes of all that may be there: `deque`, too, is in use on either form."""
