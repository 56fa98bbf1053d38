"""Rules of this code base that no linter knows, each from a measured trap of asyncio.

A rule forbids calls and names in every module of the package but those that it lists as their one home.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_SLEEP = 0.05  # seconds in a test: a tick; what waits longer waits for an event


@dataclass(frozen=True, slots=True)
class Rule:
    """Names that must not be used, why, and the modules (relative to the package) that may all the same.

    The simulation, in `testing/`, is an event loop, with tasks and timers of its own.
    """

    why: str
    names: frozenset[str]
    home: tuple[str, ...] = ()


def _rule(why: str, *names: str, home: tuple[str, ...] = ()) -> Rule:
    return Rule(why, frozenset(names), home)


RULES = [
    _rule("it swallows a cancel on 3.11", "asyncio.wait_for"),
    _rule("at the first failure it leaves the others running", "asyncio.gather"),
    _rule("it loses cancels on 3.11 and 3.12", "asyncio.TaskGroup", "anyio.create_task_group"),
    _rule(
        "tasks are made in one place, which names and keeps them",
        ".create_task",
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.Task()",
        home=("system.py", "testing/"),
    ),
    _rule(
        "timers are kept in one place, which cancels them",
        ".call_later",
        ".call_at",
        home=("_core/deadlines.py", "persistence/_wall_timers.py", "testing/"),
    ),
    _rule(
        "the wall clock jumps",
        "time.time",
        "datetime.now",
        "datetime.utcnow",
        home=("observability/", "persistence/_clock.py"),
    ),
    _rule("bytes from outside must not become code", "eval()", "exec()", "pickle.loads", "pickle.load"),
    _rule(
        "it differs between runs; ids come from path and counter", "id()", "random.random", home=("testing/",)
    ),
]

PACKAGE = sorted((ROOT / "actorio").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name in use with its line: `a.b()`, `a.b` and `.b` for the call `a.b()`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, f"{ast.unparse(node.func)}()"
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, f".{node.attr}"
            yield node.lineno, f"{ast.unparse(node.value)}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def forbidden_names(tree: ast.AST, module: str) -> list[str]:
    """Return a line for each use of a name outside of its home."""
    return [
        f"{module}:{line}: {name}: {rule.why}"
        for line, name in names_used(tree)
        for rule in RULES
        if name in rule.names and not module.startswith(rule.home)
    ]


def _is_set(node: ast.expr) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
    return isinstance(node, ast.Set | ast.SetComp) or called in {"set", "frozenset"}


def iterated_sets(tree: ast.AST) -> list[int]:
    """Return the lines that iterate over a set as it is written there: its order differs between runs."""
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)]
    return [loop.iter.lineno for loop in loops if _is_set(loop.iter)]


_VIRTUAL = {"run_in_virtual_time", "simulate"}


def _has_virtual_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return "virtual_time" in {argument.arg for argument in node.args.args}


def long_sleeps(tree: ast.AST) -> list[int]:
    """Return the lines that sleep longer than a tick where time is real."""
    if _VIRTUAL & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
        return []
    virtual = {inner for node in ast.walk(tree) if _has_virtual_time(node) for inner in ast.walk(node)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and node not in virtual
        and ast.unparse(node.func) in {"asyncio.sleep", "anyio.sleep", "time.sleep"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, int | float)
        and LONGEST_SLEEP < node.args[0].value < 1_000  # more than that is meant to be cancelled
    ]


def _module_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PACKAGE, ids=_module_id)
def test_a_module_keeps_to_the_rules(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    assert forbidden_names(tree, path.relative_to(ROOT / "actorio").as_posix()) == []
    assert iterated_sets(tree) == []


@pytest.mark.parametrize("path", TESTS, ids=_module_id)
def test_a_test_waits_for_events_and_not_for_time(path: Path) -> None:
    assert long_sleeps(ast.parse(path.read_bytes())) == []


@pytest.mark.parametrize(
    "source",
    [
        "asyncio.wait_for(x, 1)",
        "from asyncio import gather",
        "async with asyncio.TaskGroup() as group: pass",
        "loop.create_task(coro)",
        "self._loop.call_later(1, f)",
        "time.time()",
        "eval('1')",
        "id(self)",
    ],
)
def test_the_rules_see_what_they_forbid(source: str) -> None:
    assert forbidden_names(ast.parse(source), "ref.py")


def test_the_rules_leave_alone_what_is_at_home_or_only_looks_alike() -> None:
    assert forbidden_names(ast.parse("loop.call_later(1, f)"), "_core/deadlines.py") == []
    assert forbidden_names(ast.parse("self.wait_for(1); time.monotonic(); item.id"), "ref.py") == []


def test_an_iterated_set_is_seen() -> None:
    source = "for x in {1, 2}: pass\n[y for y in set(z)]\nfor x in sorted({1}): pass"
    assert iterated_sets(ast.parse(source)) == [1, 2]


def test_a_long_sleep_is_seen() -> None:
    source = "asyncio.sleep(0)\nasyncio.sleep(0.2)\ntime.sleep(3)\nasyncio.sleep(3600)\nasyncio.sleep(delay)"
    assert long_sleeps(ast.parse(source)) == [2, 3]
    virtual = (
        "async def f(virtual_time):\n    await asyncio.sleep(3)\nasync def g():\n    await asyncio.sleep(3)"
    )
    assert long_sleeps(ast.parse(virtual)) == [4]
    assert long_sleeps(ast.parse("simulate(main)\nasyncio.sleep(3)")) == []
