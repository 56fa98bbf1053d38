"""The shape of the packages: circles of imports, imports inside functions, length of modules, tests beside them.

All imports count, those for types and those inside functions too. What a package's face hands on is followed to
the module that defines it. The figures below may only go down.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LARGEST_CIRCLE = {"actorio": 5, "actorio.testing": 1, "benchmarks": 1}
"""The five are the public nouns that name each other: actor, context, ref, system, pool."""
LONGEST = 400
LONG = (
    "errors",
    "ref",
)
TOO_LONG = {f"actorio.{name}" for name in LONG}
"""Each is read as one: docs/design/decisions/two-long-modules."""
UNTESTED = 0
"""So many modules have no test file of their name yet."""
TESTED_BY_FEATURE = ("capsule", "cluster", "inspection", "observability", "persistence")
"""Packages with contracts of their own, whose tests carry the numbers of their guarantees."""
NOTHING_TO_TEST = {
    "actorio._cell.faces",
    "actorio._cell.protocols",
    "actorio._core.recipient",
    "actorio._core.submitter",
    "actorio._core.typevar",
    "actorio.testing._simulation.world",
}
"""They hold protocols, type variables and abstract methods alone: the type checkers see to who meets them."""
OPTIONAL = {"asyncpg", "hypothesis", "opentelemetry", "rich", "textual", "uvloop"}
"""What comes with an extra may be imported where it is used."""
LAZY = {
    ("actorio.system", "actorio.inspection"),
    ("actorio.observability.observatory", "actorio.observability.doors"),
    ("actorio.observability.telemetry", "actorio.observability.meter"),
    ("actorio.observability.telemetry", "actorio.observability.spans"),
    ("actorio.observability.telemetry", "actorio.observability.turn_durations"),
}
"""`import actorio` brings nothing of the first along; the others come with an extra."""

Graph = dict[str, set[str]]


def modules_of(root: Path, package: str) -> dict[str, Path]:
    found = {path.relative_to(root).with_suffix(""): path for path in (root / package).rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in found.items()}


def imports_in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import; of `import a.b` the name is empty."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute here"
            yield from ((node.module or "", alias.name) for alias in node.names)


def graph_of(root: Path, package: str) -> Graph:
    modules = modules_of(root, package)
    imports = {module: list(imports_in(ast.parse(path.read_bytes()))) for module, path in modules.items()}
    faces = {
        (module, name): source
        for module, path in modules.items()
        if path.name == "__init__.py"
        for source, name in imports[module]
    }

    def home(module: str, name: str) -> str:
        if f"{module}.{name}" in modules:
            return f"{module}.{name}"
        return home(faces[module, name], name) if (module, name) in faces else module

    graph = {module: {home(*found) for found in imports[module]} & modules.keys() for module in modules}
    return {module: targets - {module} for module, targets in graph.items() if module != package}


def reached_from(graph: Graph, start: str) -> set[str]:
    reached, ahead = set[str](), [start]
    while ahead:
        new = graph.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return reached


def circles(graph: Graph) -> list[list[str]]:
    """Return the circles, the largest first; a module that is in none is a circle of one."""
    reached = {module: reached_from(graph, module) for module in graph}
    found = {
        tuple(sorted({module} | {other for other in reached[module] if module in reached.get(other, ())}))
        for module in graph
    }
    return sorted(map(list, found), key=len, reverse=True)


@pytest.mark.parametrize("package", LARGEST_CIRCLE)
def test_a_package_has_no_larger_circle_of_imports(package: str) -> None:
    inside = {
        module: targets
        for module, targets in graph_of(ROOT, package.partition(".")[0]).items()
        if module.startswith(package)
    }
    assert inside
    (largest, *_) = circles(inside)
    assert len(largest) <= LARGEST_CIRCLE[package], largest


@pytest.mark.parametrize("module", sorted(modules_of(ROOT, "actorio").keys()))
def test_a_module_imports_at_its_top_and_is_short(module: str) -> None:
    source = modules_of(ROOT, "actorio")[module].read_text()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    late = {
        imported
        for node in ast.walk(ast.parse(source))
        if isinstance(node, functions)
        for imported, _ in imports_in(node)
        if imported.partition(".")[0] not in OPTIONAL and (module, imported) not in LAZY
    }
    assert module.startswith("actorio.cli") or not late, late
    assert len(source.splitlines()) <= LONGEST or module in TOO_LONG


def place_of_tests(module: str) -> tuple[str, str]:
    """Return the folder below `tests` in which a module's tests lie, at any depth, and the name of their file."""
    _, *packages, name = module.split(".")
    return packages[0].strip("_") if packages else "", f"test_{name.strip('_')}.py"


def test_modules_have_a_test_file_of_their_name_in_the_folder_of_their_package() -> None:
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    places = {(path.parts[0] if len(path.parts) > 1 else "", path.name) for path in tests}
    modules = {
        name
        for name, path in modules_of(ROOT, "actorio").items()
        if path.name != "__init__.py" and name.split(".")[1] not in TESTED_BY_FEATURE
    }
    assert modules >= NOTHING_TO_TEST
    lacking = sorted(name for name in modules - NOTHING_TO_TEST if place_of_tests(name) not in places)
    assert len(lacking) <= UNTESTED, lacking


def test_a_module_has_one_place_for_its_tests() -> None:
    assert place_of_tests("actorio.ref") == ("", "test_ref.py")
    assert place_of_tests("actorio._cell.owned.tasks") == ("cell", "test_tasks.py")
    assert place_of_tests("actorio.__main__") == ("", "test_main.py")
    assert place_of_tests("actorio.testing._leaks") == ("testing", "test_leaks.py")


def test_circles_are_found_through_faces_types_and_functions(tmp_path: Path) -> None:
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("from p.a import A\n")
    (package / "a.py").write_text("if TYPE_CHECKING:\n    from p import b\n")
    (package / "b.py").write_text("def f():\n    from p.c import C\n")
    (package / "c.py").write_text("from p import A\n")
    (package / "d.py").write_text("import p.a\n")
    assert circles(graph_of(tmp_path, "p")) == [["p.a", "p.b", "p.c"], ["p.d"]]
