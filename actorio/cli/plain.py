"""Plain text for terminals: tables, times, numbers. No control character of a system reaches the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actorio._core.redaction import inert

__all__ = ["attention_lines", "duration", "number", "row_of", "shown", "table"]

COLUMNS = (
    "actor",
    "class",
    "state",
    "mailbox",
    "msg/s",
    "handled",
    "failed",
    "restarts",
    "in turn",
    "waited by",
    "waits for",
)


def shown(value: Any) -> str:
    """Return any value as inert text."""
    return "" if value is None else inert(str(value), 500)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> str:
    """Return rows under their heads, in columns as wide as they need to be."""
    cells = [list(heads), *([shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Return a number for people."""
    if value is None:
        return ""
    return f"{value:,.1f}" if 0 < value < 10 and value != int(value) else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Return a time for people."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def row_of(row: dict[str, Any]) -> list[str]:
    """Return the cells of an actor, in the order of `COLUMNS`."""
    capacity = "" if row["capacity"] is None else f"/{row['capacity']}"
    return [
        shown(row["path"]),
        shown(row["cls"]).rpartition(".")[2],
        shown(row["state"]),
        f"{row['depth']}{capacity}",
        number(row["rate"]),
        number(row["handled"]),
        number(row["failed"]),
        number(row["restarts"]),
        duration(row["turn_seconds"]),
        number(row["waiters"]) if row["waiters"] else "",
        shown(row["waits_for"]),
    ]


def attention_lines(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Return what needs attention, a line each."""
    return [
        f"{shown(line['kind']):<11} {shown(line['path']) or '(no actor)'}: {shown(line['text'])}"
        for line in lines
    ]
