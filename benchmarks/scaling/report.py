"""Show the curves: a table for each, and one for the docs."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks.scaling.curves import Points
from benchmarks.scaling.points import Point

__all__ = ["curves_as_json", "curves_as_markdown", "curves_as_tables", "kinds_of", "unit"]


def curves_as_tables(curves: Sequence[Points]) -> Iterator[Table]:
    """Lay each curve out for a terminal."""
    for found in curves:
        heading, *rows = _rows(found)
        table = Table(title=found.curve.about, title_justify="left")
        for name in heading:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(*row)
        yield table


def curves_as_markdown(curves: Sequence[Points]) -> str:
    """Lay the curves out as tables of the docs."""
    lines: list[str] = []
    for found in curves:
        heading, *rows = _rows(found)
        lines += ["| " + " | ".join(heading) + " |", "|" + "---:|" * len(heading)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _rows(found: Points) -> Iterator[list[str]]:
    kinds = kinds_of(found)
    yield [found.curve.about, *(f"{kind}, {unit(kind)[0]}" if unit(kind)[0] else kind for kind in kinds)]
    for size, point in found.at.items():
        yield [f"{size:,}", *(_cost(point, kind) for kind in kinds)]


def kinds_of(found: Points) -> list[str]:
    """Give the kinds of cost of a curve; the largest size has them all."""
    return list(found.at[max(found.at)]) if found.at else []


def _cost(point: Point, kind: str) -> str:
    _, factor, decimals = unit(kind)
    return f"{point[kind] * factor:,.{decimals}f}" if kind in point else ""


def unit(kind: str) -> tuple[str, float, int]:
    """Give the unit in which a kind of cost is shown, what to multiply it with, and its decimals."""
    return ("", 1.0, 0) if kind.endswith("bytes") else ("us", 1e6, 2)


def curves_as_json(curves: Sequence[Points]) -> list[dict[str, Any]]:
    """Give every point as what `json` can write."""
    return [
        {
            "name": found.curve.name,
            "about": found.curve.about,
            "points": [{"size": size, **point} for size, point in found.at.items()],
        }
        for found in curves
    ]
