"""The command: `python -m benchmarks`."""

import json
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.harness.machine import Machine, describe
from benchmarks.harness.session import Session
from benchmarks.workloads import ALL, UnknownNameError, select

__all__ = ["main"]

PARTS = {
    "scaling": "cost against size: actors, mailbox depth, children, timers",
    "persistence": "durable actors beside raw drivers, and beside the eventsourcing library (PostgreSQL with --dsn)",
    "observe": "what looking costs, as ratios to the same work with nothing on",
    "cluster": "refs of another process beside raw nats-py and local refs, over one NATS server",
    "peers": "the other actor libraries and BEAM, each in an environment of its own",
}


class LoopName(StrEnum):
    """The event loops that a run can be measured on."""

    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="Workloads, groups (A, B, C), or: scaling, persistence, observe, cluster, peers. All workloads if none.",
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Tiny counts, each program once: a check, not a figure.")
]
Repetitions = Annotated[int, typer.Option(min=1, help="How often each program runs.")]
Loop = Annotated[LoopName, typer.Option(help="The event loop.")]
Peers = Annotated[bool, typer.Option("--peers", help="Run the peers and BEAM, too.")]
Limit = Annotated[int, typer.Option(min=10, help="The largest size of the scaling part.")]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write all figures here.")]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", dir_okay=False, help="Write the tables here.")
]
PlotFile = Annotated[
    Path | None, typer.Option("--plot", dir_okay=False, help="Draw the figures: .svg or .png.")
]
Dsn = Annotated[str, typer.Option("--dsn", help="A PostgreSQL for the persistence part.")]
List = Annotated[bool, typer.Option("--list", help="Show what there is to run, and end.")]


def benchmarks(
    names: Names = None,
    *,
    quick: Quick = False,
    repetitions: Repetitions = 5,
    loop: Loop = LoopName.ASYNCIO,
    peers: Peers = False,
    limit: Limit = 1_000_000,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
    plot_file: PlotFile = None,
    list_names: List = False,
    dsn: Dsn = "",
) -> None:
    """Measure actorio beside the same work written by hand, each run checked."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    if list_names:
        show_names(console)
        return
    if plot_file and find_spec("matplotlib") is None:
        raise typer.BadParameter("--plot draws with matplotlib: pip install -e '.[bench]'")
    machine = describe(loop)
    show_machine(console, machine)
    session = Session(console, quick=quick, repetitions=1 if quick else repetitions, loop=loop)
    run_parts(session, [*(names or []), *(["peers"] if peers else [])], limit, dsn)
    session.show()
    if json_file:
        json_file.write_text(json.dumps(session.as_json(machine), indent=1) + "\n")
    if markdown_file:
        markdown_file.write_text(session.as_markdown(machine))
    if plot_file:
        session.plot(plot_file)
    if session.failures:
        raise typer.Exit(1)


def run_parts(session: Session, names: list[str], limit: int, dsn: str = "") -> None:
    """Run what the names name: the workloads first, then the parts."""
    workloads = [name for name in names if name not in PARTS]
    if workloads or not names or names == ["peers"]:
        try:
            session.run_workloads(select(workloads))
        except UnknownNameError as error:
            raise typer.BadParameter(str(error)) from error
    if "persistence" in names:
        session.run_persistence(dsn)
    if "cluster" in names:
        session.run_cluster()
    if "scaling" in names:
        session.run_scaling(limit)
    if "observe" in names:
        session.run_observe()
    if "peers" in names:
        session.run_peers()


def show_machine(console: Console, machine: Machine) -> None:
    """Print what the figures are measured on."""
    details: dict[str, Any] = machine.versions
    versions = ", ".join(f"{name} {version}" for name, version in details.items())
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory / 2**30:.0f} GiB; {machine.system}"
    )
    console.print(f"{machine.python} ({machine.build}), {machine.loop}; {versions}")


def show_names(console: Console) -> None:
    """Print the name, the group and the meaning of everything there is to run."""
    for workload in ALL:
        console.print(f"{workload.group} {workload.name:<18} {workload.about}")
    for name, about in PARTS.items():
        console.print(f"- {name:<18} {about}")


def main() -> None:
    """Run the command."""
    typer.run(benchmarks)
