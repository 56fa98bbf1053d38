"""Show actorio beside its peers: for the terminal, for Markdown, for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.harness.measure import geometric_mean
from benchmarks.peers.contest import Bout

__all__ = ["bouts_as_json", "bouts_as_markdown", "bouts_as_table", "mean_against_beam"]

HEADINGS = ("peer", "task", "size", "peer /s", "actorio /s", "x peer", "queue x peer", "lean x peer")


def bouts_as_table(bouts: Sequence[Bout]) -> Table:
    """Lay the figures out for a terminal."""
    table = Table(title="peers", title_justify="left")
    for place, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if place < 3 else "right")
    for bout in bouts:
        table.add_row(*_row(bout))
    return table


def bouts_as_markdown(bouts: Sequence[Bout]) -> str:
    """Lay the figures out as tables of the docs."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|---|---|" + "---:|" * (len(HEADINGS) - 3)]
    lines += ["| " + " | ".join(_row(bout)) + " |" for bout in bouts]
    mean = mean_against_beam(bouts)
    if mean is not None:
        lines += ["", f"- BEAM is faster by, geometric mean of the core workloads: {mean:.1f}"]
    return "\n".join(lines) + "\n"


def _row(bout: Bout) -> tuple[str, ...]:
    size = ", ".join(f"{number:,} {name}" for name, number in bout.size.items())
    if bout.missing is not None:
        return (bout.peer, bout.task, size, bout.missing, "", "", "", "")
    return (
        bout.peer,
        bout.task,
        size,
        f"{bout.messages / min(bout.seconds):,.0f}",
        f"{bout.messages / bout.own['actorio']:,.0f}",
        *(f"{bout.times_faster(program):.2f}" for program in ("actorio", "queue", "lean")),
    )


def mean_against_beam(bouts: Sequence[Bout]) -> float | None:
    """Give how many times faster BEAM is than actorio, the mean of the core workloads."""
    ratios = [1 / bout.times_faster() for bout in bouts if bout.peer == "BEAM" and bout.missing is None]
    return geometric_mean(ratios) if ratios else None


def bouts_as_json(bouts: Sequence[Bout]) -> list[dict[str, Any]]:
    """Give every figure as what `json` can write."""
    return [asdict(bout) for bout in bouts]
