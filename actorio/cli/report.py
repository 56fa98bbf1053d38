"""How the demo's result is shown: tables for people, one JSON object for machines."""

import json
import os
import platform
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from actorio import SystemSnapshot
from actorio.cli.survey import Survey

__all__ = ["Report", "as_json", "as_tables"]

MOST_IMPORTED = 10


@dataclass(frozen=True, slots=True)
class Report:
    """A survey, and what it took the actors to make it."""

    root: str
    survey: Survey
    loop: str  # the module of the event loop
    restarts: int
    messages: int
    seconds: float
    tree: SystemSnapshot | None = None  # the actors, when the work was done

    @property
    def rate(self) -> float:
        """Messages handled per second, all actors together."""
        return self.messages / self.seconds if self.seconds else 0.0


def as_json(report: Report) -> str:
    """Return one JSON object on one line; failures sorted by path."""
    survey = report.survey
    content: dict[str, Any] = {
        "root": report.root,
        "python": platform.python_version(),
        "loop": report.loop,
        "files": survey.files,
        "parsed": survey.parsed,
        "lines": survey.lines,
        "functions": survey.functions,
        "classes": survey.classes,
        "definitions": survey.definitions,
        "most_imported": dict(survey.most_imported(MOST_IMPORTED)),
        "failures": [{"path": path, "reason": reason} for path, reason in sorted(survey.unparsed.items())],
        "restarts": report.restarts,
        "messages": report.messages,
        "seconds": round(report.seconds, 3),
        "messages_per_second": round(report.rate, 1),
    }
    return json.dumps(content)


def as_tables(report: Report) -> RenderableType:
    """Return the summary, the most imported modules and, where there are any, the failures."""
    tables: list[RenderableType] = [_summary(report), _imports(report.survey)]
    if report.tree is not None:
        tables.append(_tree(report.tree))
    if report.survey.unparsed:
        tables.append(_failures(report))
    return Group(*tables)


def _summary(report: Report) -> Table:
    survey = report.survey
    table = Table("survey of")
    table.add_column(_plain(report.root), justify="right", overflow="fold")
    table.add_row("files", f"{survey.files:,}")
    table.add_row("lines", f"{survey.lines:,}")
    table.add_row("definitions", f"{survey.definitions:,}")
    table.add_row("failures", f"{len(survey.unparsed):,}")
    table.add_row("restarts", f"{report.restarts:,}")
    table.add_row("messages handled", f"{report.messages:,}")
    table.add_row("messages per second", f"{report.rate:,.0f}")
    table.add_row("seconds", f"{report.seconds:.2f}")
    return table


def _imports(survey: Survey) -> Table:
    table = Table("most imported modules")
    table.add_column("imported by", justify="right")
    for module, files in survey.most_imported(MOST_IMPORTED):
        table.add_row(_plain(module), f"{files:,}")
    return table


def _tree(system: SystemSnapshot) -> Tree:
    """Show the actors that have done it: who is below whom, what each has handled, how often it was restarted."""
    tree = Tree(f"the actors of {system.name}")
    pending = [(tree, actor) for actor in system.actors]
    for above, actor in pending:
        times = f", {actor.incarnation:,} restarts" if actor.incarnation else ""
        branch = above.add(_plain(f"{actor.path}: {actor.handled:,} messages{times}"))
        pending += [(branch, below) for below in actor.children]
    return tree


def _failures(report: Report) -> Table:
    table = Table()
    table.add_column("failed", overflow="fold")
    table.add_column("reason", overflow="fold")
    for path, reason in sorted(report.survey.unparsed.items()):
        table.add_row(_plain(path.removeprefix(f"{report.root}{os.sep}")), _plain(reason))
    return table


def _plain(text: str) -> Text:
    """Show a text from outside as it is: no markup in it counts, and what cannot be encoded is escaped."""
    return Text(text.encode("utf-8", "backslashreplace").decode())
