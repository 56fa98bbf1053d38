"""Log records about one actor, which have its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._cell.naming import log_fields
from actorio._core.log import log

if TYPE_CHECKING:
    from actorio._cell.state import CellState

__all__ = ["log_of"]


def log_of(cell: CellState, level: int, text: str, *details: Any, error: BaseException | None = None) -> None:
    """Log a record about an actor; never raises."""
    log(level, text, *details, error=error, **log_fields(cell))
