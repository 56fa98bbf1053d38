"""The command of the benchmarks: what it runs, what it writes, and that a wrong answer is a failure."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import benchmarks.cli
import benchmarks.workloads
from benchmarks.harness.workload import Outcome
from benchmarks.workloads.send import SEND


@pytest.fixture(name="run")
def command() -> Any:
    app = typer.Typer()
    app.command()(benchmarks.cli.benchmarks)
    return lambda *args: CliRunner().invoke(app, args)


def test_a_quick_run_writes_json_and_markdown(run: Any, tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    result = run("send", "threadring", "--quick", "--json", str(figures), "--markdown", str(page))
    assert result.exit_code == 0, result.output
    written = json.loads(figures.read_text())
    assert [workload["name"] for workload in written["workloads"]] == ["send", "threadring"]
    programs = written["workloads"][0]["programs"]
    assert programs.keys() == {"queue", "lean", "actorio"}
    for program in programs.values():
        assert program["minimum"] <= program["median"] <= program["maximum"]
        assert program["messages"] == SEND.quick.numbers
    ratio = programs["queue"]["minimum"] / programs["actorio"]["minimum"]
    assert programs["actorio"]["ratios"]["queue"]["minimum"] == pytest.approx(ratio)
    assert written["machine"]["loop"] == "asyncio"
    assert "| send | actorio |" in page.read_text()


def test_a_wrong_answer_is_a_failure_and_no_figure(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def wrong(size: Any) -> Outcome[int]:
        return Outcome(size.numbers - 1, actors=1)

    broken = replace(SEND, programs={**SEND.programs, "actorio": wrong})
    monkeypatch.setattr(benchmarks.workloads, "ALL", (broken,))
    figures = tmp_path / "figures.json"
    result = run("send", "--quick", "--json", str(figures))
    assert result.exit_code == 1
    assert "numbers in order: expected 2500, found 2499" in result.output
    assert "actorio" in result.output
    assert json.loads(figures.read_text())["workloads"] == []


def test_a_program_that_raises_is_a_failure(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(size: Any) -> Outcome[int]:
        raise ZeroDivisionError("planted")

    broken = replace(SEND, programs={"queue": failing})
    monkeypatch.setattr(benchmarks.workloads, "ALL", (broken,))
    result = run("send", "--quick")
    assert result.exit_code == 1
    assert "ZeroDivisionError: planted" in result.output


def test_an_unknown_name_is_refused(run: Any) -> None:
    result = run("nothing")
    assert result.exit_code == 2
    assert "nothing" in result.output


def test_the_list_names_every_workload_and_part(run: Any) -> None:
    output = run("--list").output
    for name in ("pingpong", "skynet", "astar", "apsp", "scaling", "peers"):
        assert f" {name} " in output
