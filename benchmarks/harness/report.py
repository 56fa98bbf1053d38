"""Show what was measured: a table for the terminal, JSON for programs, Markdown for the docs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.harness.machine import Machine
from benchmarks.harness.measure import Measurement, Series, geometric_mean
from benchmarks.harness.workload import Group

__all__ = ["BASELINES", "SUBJECT", "as_json", "as_markdown", "as_table", "machine_as_markdown", "means"]

BASELINES = ("queue", "lean")
SUBJECT = "actorio"

TERMINAL_HEADINGS = ("min med max s", "messages/s", "x queue", "x lean", "actors", "")

HEADINGS = (
    "workload",
    "program",
    "min s",
    "median s",
    "max s",
    "messages/s",
    "against queue",
    "against lean",
    "actors",
    "peak MB",
    "bytes/actor",
    "p50 us",
    "p99 us",
)


def as_table(measurements: Sequence[Measurement]) -> Table:
    """Lay the figures out for a terminal of 120 columns."""
    table = Table(title_justify="left")
    for place, heading in enumerate(("workload", "program", *TERMINAL_HEADINGS)):
        table.add_column(heading, justify="left" if place < 2 else "right", no_wrap=True)
    for measurement in measurements:
        for series in measurement.series.values():
            table.add_row(
                *_short_row(measurement, series), style="bold" if series.program == SUBJECT else None
            )
        table.add_section()
    return table


def _short_row(measurement: Measurement, series: Series) -> tuple[str, ...]:
    name, program, *seconds, rate, queue, lean, actors, peak, per_actor, p50, p99 = _row(measurement, series)
    notes = [f"{peak} MB, {per_actor} B an actor"] if peak else []
    notes += [f"p50 {p50} us, p99 {p99} us"] if p50 else []
    return (name, program, " ".join(seconds), rate, queue, lean, actors, ", ".join(notes))


def machine_as_markdown(machine: Machine, repetitions: int) -> str:
    """Say in a table what the figures were measured on."""
    about = asdict(machine)
    about["memory"] = f"{machine.memory / 2**30:.0f} GiB"
    about["versions"] = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    about["repetitions"] = repetitions
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in about.items()), ""])


def as_markdown(measurements: Sequence[Measurement]) -> str:
    """Lay the figures out as a table of the docs, the means below it."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|---|" + "---:|" * (len(HEADINGS) - 2)]
    for measurement in measurements:
        for series in measurement.series.values():
            lines.append("| " + " | ".join(_row(measurement, series)) + " |")
    lines += ["", *(f"- geometric mean, {name}: {value:.2f}" for name, value in means(measurements).items())]
    return "\n".join(lines) + "\n"


def _row(measurement: Measurement, series: Series) -> tuple[str, ...]:
    rated = measurement.workload.rated
    return (
        measurement.workload.name,
        series.program,
        f"{series.fastest:.3f}",
        f"{series.median:.3f}",
        f"{series.slowest:.3f}",
        f"{series.rate:,.0f}" if rated else "",
        *(_ratio(measurement, series, baseline) for baseline in BASELINES),
        f"{series.actors:,}",
        "" if series.peak is None else f"{series.peak / 1e6:,.1f}",
        "" if series.peak is None else f"{series.peak / series.actors:,.0f}",
        *(_microseconds(series.percentile(percent)) for percent in (50, 99)),
    )


def _ratio(measurement: Measurement, series: Series, baseline: str) -> str:
    if not measurement.workload.rated or baseline not in measurement.series or series.program == baseline:
        return ""
    by_minimum = measurement.ratio(series.program, baseline)
    by_median = measurement.ratio_of_medians(series.program, baseline)
    return f"{by_minimum:.2f} ({by_median:.2f})"


def _microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.0f}"


def means(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Give the geometric mean of the ratios of actorio, for each group and baseline."""
    found = {}
    for group in Group:
        for baseline in BASELINES:
            ratios = [
                measurement.ratio(SUBJECT, baseline)
                for measurement in measurements
                if measurement.workload.group is group
                and measurement.workload.rated
                and {SUBJECT, baseline} <= measurement.series.keys()
            ]
            if ratios:
                found[f"class {group}, actorio against {baseline}"] = geometric_mean(ratios)
    return found


def as_json(measurements: Sequence[Measurement], machine: Machine) -> dict[str, Any]:
    """Give every figure, with all repetitions, as what `json` can write."""
    return {
        "machine": asdict(machine),
        "workloads": [_workload_json(measurement) for measurement in measurements],
        "means": means(measurements),
    }


def _workload_json(measurement: Measurement) -> dict[str, Any]:
    workload = measurement.workload
    return {
        "name": workload.name,
        "group": workload.group.value,
        "about": workload.about,
        "size": asdict(measurement.size),  # type: ignore[call-overload]
        "programs": {
            series.program: _series_json(measurement, series) for series in measurement.series.values()
        },
    }


def _series_json(measurement: Measurement, series: Series) -> dict[str, Any]:
    ratios = {
        baseline: {
            "minimum": measurement.ratio(series.program, baseline),
            "median": measurement.ratio_of_medians(series.program, baseline),
        }
        for baseline in BASELINES
        if baseline in measurement.series
    }
    return {
        "seconds": series.seconds,
        "minimum": series.fastest,
        "median": series.median,
        "maximum": series.slowest,
        "messages": series.messages,
        "rate": series.rate,
        "actors": series.actors,
        "peak_bytes": series.peak,
        "ratios": ratios,
        "p50": series.percentile(50),
        "p99": series.percentile(99),
    }
