"""A survey of Python source files: what one file holds, and what a tree of them adds up to.

Plain functions and values, without an actor among them: `survey_file` is what the demo's parser processes
run, `survey_tree` is the sequential program that the demo has to agree with, to the last count.
"""

import ast
import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FileFacts", "Survey", "Unparsed", "find_sources", "reason_of", "survey_file", "survey_tree"]

# Installed packages are not the tree that was asked about, though they may lie inside of it.
_SKIPPED = {"__pycache__", "dist-packages", "site-packages"}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts of one source file.

    `imports` has the top-level name of each module that the file imports: once, sorted, no relative ones.
    """

    path: str
    lines: int
    functions: int
    classes: int
    imports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A file (or a directory) that could not be read or parsed, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Survey:
    """The sum over many files. Equal to another one that took in the same files, in whatever order."""

    parsed: int = 0
    lines: int = 0
    functions: int = 0
    classes: int = 0
    importers: Counter[str] = field(default_factory=Counter)  # module: how many files import it
    unparsed: dict[str, str] = field(default_factory=dict)  # path: reason

    @property
    def files(self) -> int:
        """How many outcomes were taken in."""
        return self.parsed + len(self.unparsed)

    @property
    def definitions(self) -> int:
        """Functions, methods and classes, nested ones too."""
        return self.functions + self.classes

    def add(self, outcome: FileFacts | Unparsed) -> None:
        """Take in one file. Each file is to be given once: nothing here would notice a second time."""
        if isinstance(outcome, Unparsed):
            self.unparsed[outcome.path] = outcome.reason
            return
        self.parsed += 1
        self.lines += outcome.lines
        self.functions += outcome.functions
        self.classes += outcome.classes
        self.importers.update(outcome.imports)

    def most_imported(self, count: int) -> list[tuple[str, int]]:
        """Return the modules that most files import, ties by name: two equal surveys print the same."""
        return sorted(self.importers.items(), key=lambda item: (-item[1], item[0]))[:count]


def survey_tree(root: Path) -> Survey:
    """Survey every source file under `root` in this process, one after the other."""
    sources, unreadable = find_sources(root)
    survey = Survey()
    for outcome in unreadable:
        survey.add(outcome)
    for path in sources:
        try:
            survey.add(survey_file(path))
        except Exception as error:
            survey.add(Unparsed(path, reason_of(error)))
    return survey


def find_sources(root: Path) -> tuple[list[str], list[Unparsed]]:
    """List the `.py` files under `root`, sorted, and the directories that cannot be read.

    Links to directories are not followed. Hidden directories and installed packages inside of the tree are
    left out; so is what is no file (a pipe named `x.py` would never end). When `root` is a file, it is the
    whole list.
    """
    if root.is_file():
        return ([str(root)] if root.suffix == ".py" else []), []
    unreadable: list[OSError] = []
    sources: list[str] = []
    for folder, folders, names in os.walk(root, onerror=unreadable.append):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        sources += _sources_in(folder, sorted(names))
    return sources, [Unparsed(str(error.filename), reason_of(error)) for error in unreadable]


def _sources_in(folder: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        path = Path(folder, name)
        if name.endswith(".py") and not _is_special(path):
            yield str(path)


def _is_special(path: Path) -> bool:
    """Tell pipes, sockets and devices from files. What cannot be looked at is a file: reading it says why."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def survey_file(path: str) -> FileFacts:
    """Parse the file and count what it holds.

    Raises:
        SyntaxError: it is not Python, or not in the encoding it declares.
        ValueError: it holds null bytes (Python 3.11).
        RecursionError, MemoryError: it is nested too deep for the parser.
        OSError: it cannot be read.
    """
    source = Path(path).read_bytes()
    tree = _parse(source, path)
    functions = classes = 0
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions += 1
        elif isinstance(node, ast.ClassDef):
            classes += 1
        else:
            imports.update(_imported_by(node))
    return FileFacts(path, len(source.splitlines()), functions, classes, tuple(sorted(imports)))


def _parse(source: bytes, path: str) -> ast.Module:
    with warnings.catch_warnings():
        # An odd escape in somebody's string is a warning about their code, not about the survey.
        warnings.simplefilter("ignore")
        return ast.parse(source, filename=Path(path).name)


def _imported_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module.partition(".")[0]


def reason_of(error: BaseException) -> str:
    """Put a failure on one line."""
    text = str(error).split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
