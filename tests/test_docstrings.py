"""The first line of a docstring says what a thing is or does: subject, verb, object; not "What it is"."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [path for package in ("actorio", "benchmarks") for path in sorted((ROOT / package).rglob("*.py"))]
REFUSED = re.compile(r"(What|Whether|Have|Those|That)\b")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def refused_beginnings(tree: ast.AST) -> list[str]:
    documented = [node for node in ast.walk(tree) if isinstance(node, DOCUMENTED)]
    first_lines = [(ast.get_docstring(node) or "").partition("\n")[0] for node in documented]
    return [line for line in first_lines if REFUSED.match(line)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_its_subject_or_verb(path: Path) -> None:
    assert refused_beginnings(ast.parse(path.read_bytes())) == []


def test_the_beginnings_are_seen_in_modules_classes_and_functions() -> None:
    source = '"""What it does."""\nclass A:\n    """Those of one."""\n    def f(self):\n        """Have it end."""\n'
    assert len(refused_beginnings(ast.parse(source))) == 3
    assert (
        refused_beginnings(ast.parse('def f():\n    """Return what it has.\n\n    What is it?\n    """'))
        == []
    )
