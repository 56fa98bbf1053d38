"""What the demo prints, for people and for machines."""

import json
from dataclasses import replace
from io import StringIO

from rich.console import Console

from actorio import ActorSnapshot, SystemSnapshot
from actorio.cli.report import Report, as_json, as_tables
from actorio.cli.survey import FileFacts, Survey, Unparsed


def report(*outcomes: FileFacts | Unparsed, seconds: float = 2.0) -> Report:
    survey = Survey()
    for outcome in outcomes:
        survey.add(outcome)
    return Report("tree", survey, loop="asyncio", restarts=1, messages=3_000, seconds=seconds)


def shown(report: Report) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(as_tables(report))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


GOOD = FileFacts("tree/a.py", lines=1_200, functions=3, classes=1, imports=("os", "sys"))
BAD = Unparsed("tree/b.py", "SyntaxError: invalid syntax")


def test_json_has_every_count() -> None:
    content = json.loads(as_json(report(GOOD, BAD)))
    assert content.pop("python")
    assert content == {
        "root": "tree",
        "loop": "asyncio",
        "files": 2,
        "parsed": 1,
        "lines": 1_200,
        "functions": 3,
        "classes": 1,
        "definitions": 4,
        "most_imported": {"os": 1, "sys": 1},
        "failures": [{"path": "tree/b.py", "reason": "SyntaxError: invalid syntax"}],
        "restarts": 1,
        "messages": 3_000,
        "seconds": 2.0,
        "messages_per_second": 1_500.0,
    }


def test_the_tables_show_totals_modules_and_failures() -> None:
    text = shown(report(GOOD, BAD))
    for part in ("1,200", "1,500", "os", "b.py", "SyntaxError: invalid syntax"):
        assert part in text


def test_without_failures_there_is_no_table_of_them() -> None:
    assert "reason" not in shown(report(GOOD))


def test_names_from_outside_are_shown_as_they_are() -> None:
    text = shown(report(Unparsed("[red]x[/red].py", "why"), Unparsed("\udcff.py", "why")))
    assert "[red]x[/red].py" in text
    assert "\\udcff.py" in text


def test_a_survey_in_no_time_has_a_rate() -> None:
    assert report(GOOD, seconds=0.0).rate == 0.0


def test_the_tree_shows_who_is_below_whom() -> None:
    def actor(path: str, *children: ActorSnapshot, restarts: int = 0) -> ActorSnapshot:
        return ActorSnapshot(path, "Parser", "running", restarts, 0, 1_200, children)

    tree = SystemSnapshot(
        "demo", (actor("/pool", actor("/pool/one", restarts=2), actor("/pool/two")), actor("/index"))
    )
    lines = shown(replace(report(GOOD), tree=tree)).splitlines()[-5:]
    assert [line.strip(" │├└─") for line in lines] == [
        "the actors of demo",
        "/pool: 1,200 messages",
        "/pool/one: 1,200 messages, 2 restarts",
        "/pool/two: 1,200 messages",
        "/index: 1,200 messages",
    ]
