"""The map for contributors names functions that exist, where it says they are."""

import ast
import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "design" / "how-it-runs.md"
ROWS = re.findall(r"^\| [^|]+\? \| `([\w/]+)\.py` \| `([\w.]+)` \|$", PAGE.read_text(), re.MULTILINE)


def test_the_page_answers_sixteen_questions() -> None:
    assert len(ROWS) == 16


@pytest.mark.parametrize(("file", "name"), ROWS)
def test_a_function_is_where_the_page_says(file: str, name: str) -> None:
    found = importlib.import_module(f"actorio.{file.replace('/', '.')}")
    for part in name.split("."):
        found = vars(found)[part]
    assert callable(found)


def test_each_method_that_the_text_names_is_one_of_its_class() -> None:
    methods = {
        f"{node.name}.{item.name}"
        for path in (PAGE.parents[2] / "actorio").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    named = set(re.findall(r"`(_?[A-Z]\w+\.\w+)`", PAGE.read_text())) - {"RunQueue.ready"}
    assert len(named) > 20
    assert named <= methods
