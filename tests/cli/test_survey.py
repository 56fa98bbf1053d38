"""The survey's plain functions: what counts in one file, what is found in a tree, how it adds up."""

import os
import random
from pathlib import Path

import pytest

from actorio.cli.survey import FileFacts, Survey, Unparsed, find_sources, reason_of, survey_file, survey_tree

SOURCE = """\
import os, os.path
import collections.abc as abc
from json import dumps
from . import sibling
from .near import thing

class Outer:
    class Inner:
        def method(self):
            return lambda: None

async def main():
    import os
"""


def write(path: Path, text: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_file_is_counted_with_its_nested_definitions_and_absolute_imports(tmp_path: Path) -> None:
    path = write(tmp_path / "one.py", SOURCE)
    assert survey_file(path) == FileFacts(
        path, lines=13, functions=2, classes=2, imports=("collections", "json", "os")
    )


@pytest.mark.parametrize(
    ("text", "lines"), [(b"", 0), (b"x = 1", 1), (b"x = 1\n", 1), (b"x = 1\r\ny = 2\r\n", 2), (b"\x0c\n", 1)]
)
def test_lines_are_counted_whatever_ends_them(tmp_path: Path, text: bytes, lines: int) -> None:
    assert survey_file(write(tmp_path / "x.py", text)).lines == lines


def test_the_declared_encoding_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "x.py", "# coding: latin-1\ndef über(): pass\n".encode("latin-1"))
    assert survey_file(path).functions == 1


def test_a_doubtful_escape_is_no_failure(tmp_path: Path) -> None:
    assert survey_file(write(tmp_path / "x.py", 'x = "\\d"\n')).lines == 1


@pytest.mark.parametrize(
    "text",
    [
        b"def",
        b"# coding: nonsense\n",
        b"x = '\xff'\n",
        b"x = 1\0",
        b"(" * 5_000,
        b"x = " + b"-" * 100_000 + b"1",
    ],
    ids=["syntax", "encoding", "not utf-8", "null byte", "brackets", "nesting"],
)
def test_a_file_that_cannot_be_parsed_raises_and_its_reason_is_one_line(tmp_path: Path, text: bytes) -> None:
    path = write(tmp_path / "bad.py", text)
    with pytest.raises((SyntaxError, ValueError, RecursionError, MemoryError)) as caught:
        survey_file(path)
    assert reason_of(caught.value).startswith(caught.type.__name__)
    assert "\n" not in reason_of(caught.value)


def test_an_error_without_a_text_is_named_by_its_type() -> None:
    assert reason_of(MemoryError()) == "MemoryError"


def test_sources_are_sorted_and_leave_out_what_is_hidden_installed_or_no_file(tmp_path: Path) -> None:
    wanted = [write(tmp_path / name, "") for name in ("a.py", "b.py", "pkg/__init__.py", "pkg/deep/z.py")]
    for name in ("notes.txt", ".venv/x.py", "pkg/site-packages/x.py", "pkg/__pycache__/x.py"):
        write(tmp_path / name, "")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    assert find_sources(tmp_path) == (wanted, [])


def test_a_single_file_is_a_tree_of_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.py", "")
    assert find_sources(Path(path)) == ([path], [])
    assert find_sources(Path(write(tmp_path / "a.txt", ""))) == ([], [])


def test_a_broken_link_is_reported_not_lost(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    survey = survey_tree(tmp_path)
    assert survey.files == 1
    assert survey.unparsed[str(tmp_path / "gone.py")].startswith("FileNotFoundError")


def test_a_folder_that_cannot_be_listed_is_reported_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(top: Path, onerror: object) -> list[object]:
        assert callable(onerror)
        onerror(PermissionError(13, "Permission denied", f"{top}/secret"))
        return []

    monkeypatch.setattr(os, "walk", refuse)
    reason = f"PermissionError: [Errno 13] Permission denied: '{tmp_path}/secret'"
    assert find_sources(tmp_path) == ([], [Unparsed(f"{tmp_path}/secret", reason)])


def test_a_survey_does_not_depend_on_the_order_of_its_files() -> None:
    outcomes: list[FileFacts | Unparsed] = [
        FileFacts(f"{n}.py", lines=n, functions=n, classes=1, imports=("os", f"m{n % 3}")) for n in range(20)
    ]
    outcomes += [Unparsed("bad.py", "SyntaxError"), Unparsed("worse.py", "ValueError")]
    first, second = Survey(), Survey()
    for outcome in outcomes:
        first.add(outcome)
    for outcome in random.Random(1).sample(outcomes, len(outcomes)):
        second.add(outcome)
    assert first == second
    assert (first.files, first.parsed, first.lines, first.definitions) == (22, 20, 190, 210)
    assert first.most_imported(3) == second.most_imported(3) == [("os", 20), ("m0", 7), ("m1", 7)]
