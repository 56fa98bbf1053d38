"""One invocation of the benchmarks: what it ran, what it found, what failed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.cluster.run import as_markdown as cluster_as_markdown
from benchmarks.cluster.run import measure as measure_cluster
from benchmarks.harness import report
from benchmarks.harness.machine import Machine
from benchmarks.harness.measure import Measurement, measure
from benchmarks.harness.plot import plot_ratios
from benchmarks.harness.workload import AnyWorkload
from benchmarks.peers.beam import beam_bouts
from benchmarks.peers.contest import Bout, contest
from benchmarks.peers.report import bouts_as_json, bouts_as_markdown, bouts_as_table, mean_against_beam
from benchmarks.peers.roster import PEERS, TASKS
from benchmarks.persistence.table import Line, lines
from benchmarks.persistence.table import as_markdown as durable_as_markdown
from benchmarks.programs.observe import Ratio, measure_looking, ratios_as_json, ratios_as_table
from benchmarks.scaling.curves import CURVES, Points, measure_curve, sizes
from benchmarks.scaling.plot import plot_curves
from benchmarks.scaling.report import curves_as_json, curves_as_markdown, curves_as_tables

__all__ = ["Session"]

COLUMNS = (
    SpinnerColumn(),
    TextColumn("{task.description:<40}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


class Session:
    """Runs the parts of one invocation, gathers their figures, and shows and writes them."""

    def __init__(self, console: Console, *, quick: bool, repetitions: int, loop: str) -> None:
        self.console = console
        self.quick = quick
        self.repetitions = repetitions
        self.loop = loop
        self.measurements: list[Measurement] = []
        self.bouts: list[Bout] = []
        self.curves: list[Points] = []
        self.durable: list[Line] = []
        self.ratios: list[Ratio] = []
        self.cluster: dict[str, dict[str, float]] = {}
        self.failures: list[str] = []

    def run_workloads(self, workloads: Sequence[AnyWorkload]) -> None:
        """Measure workload after workload."""
        with self._progress(sum(self._runs(workload) for workload in workloads)) as begin:
            for workload in workloads:
                with self._failures_of(workload.name):
                    self.measurements.append(
                        measure(
                            workload,
                            quick=self.quick,
                            repetitions=self.repetitions,
                            loop=self.loop,
                            progress=begin,
                        )
                    )

    def _runs(self, workload: AnyWorkload) -> int:
        return len(workload.programs) * (self.repetitions + workload.memory)

    def run_scaling(self, limit: int) -> None:
        """Measure what each thing costs at sizes up to a limit."""
        limit = min(limit, 100) if self.quick else limit
        points = {curve: sizes(curve, limit) for curve in CURVES}
        with self._progress(sum(map(len, points.values()))) as begin:
            for curve, at in points.items():
                with self._failures_of(curve.name):
                    self.curves.append(
                        measure_curve(
                            curve, at, loop=self.loop, repetitions=min(self.repetitions, 3), progress=begin
                        )
                    )

    def run_persistence(self, dsn: str) -> None:
        """Measure durable actors beside raw drivers and another library; with a DSN on PostgreSQL as well."""
        with self._failures_of("persistence"):
            for line in lines(quick=self.quick, dsn=dsn):
                self.console.print(
                    f"{line.workload} / {line.against}: {line.measured} ({line.behind})", markup=False
                )
                self.durable.append(line)

    def run_observe(self) -> None:
        """Measure what looking costs."""
        with self._progress(8) as begin, self._failures_of("observe"):
            self.ratios += measure_looking(quick=self.quick, repetitions=self.repetitions, begin=begin)

    def run_cluster(self) -> None:
        """Measure refs of another process beside raw nats-py and local refs."""
        with self._failures_of("cluster"):
            self.cluster = measure_cluster(self.loop, rounds=self.repetitions, quick=self.quick)
            self.console.print(cluster_as_markdown(self.cluster), markup=False)

    def run_peers(self) -> None:
        """Let every peer, and BEAM, do the common tasks beside actorio."""
        with self._progress(len(PEERS) + 1) as begin:
            for peer in PEERS:
                begin(peer.name)
                with self._failures_of(peer.name):
                    self.bouts += contest(
                        peer, TASKS, quick=self.quick, repetitions=self.repetitions, loop=self.loop
                    )
            begin("BEAM")
            with self._failures_of("BEAM"):
                self.bouts += beam_bouts(quick=self.quick, repetitions=self.repetitions, loop=self.loop)

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[str], None]]:
        """Show how far a part is; give what is called before each step with its name."""
        with Progress(*COLUMNS, console=self.console, transient=True) as progress:
            bar = progress.add_task("", total=total)
            yield lambda what: progress.update(bar, description=what, advance=1)

    @contextmanager
    def _failures_of(self, name: str) -> Iterator[None]:
        """Note a failure: whatever one program does, the others are still measured."""
        try:
            yield
        except Exception as error:
            notes = "; ".join(getattr(error, "__notes__", ()))
            self.failures.append(
                f"{name}: {type(error).__name__}: {error}" + (f" ({notes})" if notes else "")
            )

    def show(self) -> None:
        """Print what was found, and what failed."""
        if self.measurements:
            self.console.print(report.as_table(self.measurements))
        for name, value in report.means(self.measurements).items():
            self.console.print(f"geometric mean, {name}: {value:.2f}")
        for table in curves_as_tables(self.curves):
            self.console.print(table)
        if self.ratios:
            self.console.print(ratios_as_table(self.ratios))
        if self.bouts:
            self.console.print(bouts_as_table(self.bouts))
        mean = mean_against_beam(self.bouts)
        if mean is not None:
            self.console.print(f"geometric mean, BEAM is faster by: {mean:.1f}")
        for failure in self.failures:
            self.console.print(f"failed: {failure}", style="red", markup=False)

    def as_json(self, machine: Machine) -> dict[str, Any]:
        """Give every figure as what `json` can write."""
        return {
            **report.as_json(self.measurements, machine),
            "scaling": curves_as_json(self.curves),
            "observe": ratios_as_json(self.ratios),
            "peers": bouts_as_json(self.bouts),
            "persistence": [asdict(line) for line in self.durable],
            "cluster": self.cluster,
            "failures": self.failures,
        }

    def as_markdown(self, machine: Machine) -> str:
        """Give the tables of all parts."""
        parts = [report.machine_as_markdown(machine, self.repetitions)]
        if self.measurements:
            parts.append(report.as_markdown(self.measurements))
        if self.curves:
            parts.append(curves_as_markdown(self.curves))
        if self.bouts:
            parts.append(bouts_as_markdown(self.bouts))
        if self.durable:
            parts.append(durable_as_markdown(self.durable))
        if self.cluster:
            parts.append(cluster_as_markdown(self.cluster))
        return "\n".join(parts)

    def plot(self, path: Path) -> None:
        """Draw the ratios of the workloads; of a run that was of the scaling alone, its curves."""
        if self.measurements:
            plot_ratios(self.measurements, path)
        elif self.curves:
            plot_curves(self.curves, path)
