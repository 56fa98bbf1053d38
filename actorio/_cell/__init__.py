"""The machinery of one actor, by concern; only this package touches an actor's insides."""

from __future__ import annotations

from actorio._cell.anatomy import BEGIN, KILL_GRACE, is_closing
from actorio._cell.cell import Cell
from actorio._cell.ending import run_hook
from actorio._cell.side_turns import SideTurn

__all__ = ["BEGIN", "KILL_GRACE", "Cell", "SideTurn", "is_closing", "run_hook"]
