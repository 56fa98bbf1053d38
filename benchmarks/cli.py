"""The command: `python -m benchmarks`."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.machine import describe
from benchmarks.measure import Measurement, measure
from benchmarks.plot import plot_ratios
from benchmarks.report import as_json, as_markdown, as_table, means
from benchmarks.workload import AnyWorkload
from benchmarks.workloads import ALL, UnknownNameError, select

__all__ = ["main"]

console = Console(width=None if sys.stdout.isatty() else 140)


class LoopName(StrEnum):
    """The event loops that a run can be measured on."""

    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Workloads or groups: A, B, C.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Tiny counts, each program once: a check, not a figure.")
]
Repetitions = Annotated[int, typer.Option(min=1, help="How often each program runs.")]
Loop = Annotated[LoopName, typer.Option(help="The event loop.")]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write all figures here.")]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", dir_okay=False, help="Write the tables here.")
]
PlotFile = Annotated[
    Path | None, typer.Option("--plot", dir_okay=False, help="Draw the ratios: .svg or .png.")
]
List = Annotated[bool, typer.Option("--list", help="Show the workloads and end.")]


def benchmarks(
    names: Names = None,
    *,
    quick: Quick = False,
    repetitions: Repetitions = 5,
    loop: Loop = LoopName.ASYNCIO,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
    plot_file: PlotFile = None,
    list_workloads: List = False,
) -> None:
    """Measure actorio beside the same work written by hand, each run checked."""
    if list_workloads:
        show_workloads()
        return
    try:
        workloads = select(names or [])
    except UnknownNameError as error:
        raise typer.BadParameter(str(error)) from error
    repetitions = 1 if quick else repetitions
    machine = describe(loop)
    console.print(f"{machine.processor}, {machine.cores} cores; {machine.python} ({machine.build}), {loop}")
    measurements, failures = run_all(workloads, quick=quick, repetitions=repetitions, loop=loop)
    show(measurements, failures)
    if json_file:
        json_file.write_text(json.dumps(as_json(measurements, machine), indent=1) + "\n")
    if markdown_file:
        markdown_file.write_text(as_markdown(measurements, machine, repetitions))
    if plot_file:
        plot_ratios(measurements, plot_file)
    if failures:
        raise typer.Exit(1)


def show(measurements: Sequence[Measurement], failures: Sequence[str]) -> None:
    """Print what was measured, and what failed."""
    console.print(as_table(measurements))
    for name, value in means(measurements).items():
        console.print(f"geometric mean, {name}: {value:.2f}")
    for failure in failures:
        console.print(f"[red]failed[/red] {failure}")


def show_workloads() -> None:
    """Print the name, the group and the meaning of each workload."""
    for workload in ALL:
        console.print(f"{workload.group} {workload.name:<18} {workload.about}")


def run_all(
    workloads: Sequence[AnyWorkload], *, quick: bool, repetitions: int, loop: str
) -> tuple[list[Measurement], list[str]]:
    """Measure workload after workload; one that fails is named and does not keep the others from running."""
    measurements, failures = [], []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<36}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=sum(runs(workload, repetitions) for workload in workloads))

        def begin(what: str) -> None:
            progress.update(bar, description=what, advance=1)

        for workload in workloads:
            try:
                measurements.append(
                    measure(workload, quick=quick, repetitions=repetitions, loop=loop, progress=begin)
                )
            except Exception as error:  # whatever a program does, the others are still measured
                failures.append(f"{workload.name}: {describe_failure(error)}")
    return measurements, failures


def describe_failure(error: Exception) -> str:
    """Say what failed, and in which program."""
    notes = "; ".join(getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error} ({notes})"


def runs(workload: AnyWorkload, repetitions: int) -> int:
    """Count the runs that measuring a workload takes."""
    return len(workload.programs) * (repetitions + workload.memory)


def main() -> None:
    """Run the command."""
    typer.run(benchmarks)
