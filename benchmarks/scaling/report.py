"""Show the curves: a table for each, and one for the docs."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks.scaling.curves import Points

__all__ = ["curves_as_json", "curves_as_markdown", "curves_as_tables", "unit"]


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
    kinds = list(next(iter(found.at.values()), {}))
    yield [found.curve.about, *(f"{kind}, {unit(kind)[0]}" if unit(kind)[0] else kind for kind in kinds)]
    for size, point in found.at.items():
        yield [f"{size:,}", *(f"{point[kind] * unit(kind)[1]:,.{unit(kind)[2]}f}" for kind in kinds)]


def unit(kind: str) -> tuple[str, float, int]:
    """Give the unit in which a kind of cost is shown, what to multiply it with, and its decimals."""
    return ("", 1.0, 0) if kind == "bytes" else ("us", 1e6, 2)


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
