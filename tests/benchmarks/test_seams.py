"""The cost of unused seams: the copy without them asks nothing, runs, and is what is measured."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.programs.seams import compare, copy_package, environment_of, without_seams


@pytest.mark.parametrize(
    ("source", "without"),
    [
        (
            "if (tell := self.observers.ended) is not None:\n    tell(self)",
            "if False:\n    tell(self)",
        ),
        ("if cell.observers.ended is None or full:\n    wait()", "if True:\n    wait()"),
        ("if full or observers.ended is not None:\n    wait()", "if full:\n    wait()"),
        ("if full and cell.choose is not None:\n    wait()", "if False:\n    wait()"),
        ("turns = cell.observers.turns", "turns = False"),
        ("if (tell := cell.observers.failed) is not None:\n    tell()",) * 2,
        ("if self.starter is not None:\n    wake()", "if self.starter is not None:\n    wake()"),
    ],
)
def test_questions_get_their_usual_answers(source: str, without: str) -> None:
    assert without_seams(source) == without


def test_the_copy_has_no_question_left_and_its_original_has(tmp_path: Path) -> None:
    for seams in (True, False):
        copy_package(tmp_path / str(seams), seams=seams)
        sources = [path.read_text() for path in (tmp_path / str(seams)).rglob("*.py")]
        assert any("observers.ended) is not None" in source for source in sources) is seams
        assert all(ast.parse(source) for source in sources)


def test_both_sides_are_run_and_compared() -> None:
    ratios = compare(["ask", "counting"], rounds=1, quick=True)
    assert list(ratios) == ["ask", "counting"]
    assert all(ratio > 0 for ratio in ratios.values())


def test_a_run_imports_the_copy(tmp_path: Path) -> None:
    copy_package(tmp_path, seams=False)
    found = subprocess.run(
        [sys.executable, "-P", "-c", "import actorio; print(actorio.__file__)"],
        env=environment_of(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert Path(found.strip()).is_relative_to(tmp_path)
