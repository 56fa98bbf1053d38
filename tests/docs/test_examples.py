"""The programs of the documentation run, and print what the page beside them says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program with this interpreter; a warning is an error there too."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


INLINE = re.compile(r"^<!-- (the same as|parts of) (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block that shows a file, which is run by itself."""


def programs_in(page: Path) -> list[str]:
    """Return the Python blocks of a page that are whole programs: those that end in running something."""
    text = INLINE.sub("", page.read_text())
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search(r"^(asyncio|actorio)\.run\(", block, re.MULTILINE)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_it_should(path: Path) -> None:
    ended = run(path)
    log = path.with_suffix(".log.txt")  # how the log on stderr begins, where there is one
    if log.exists():
        assert ended.stderr.startswith(log.read_text())
    else:
        assert ended.stderr == ""
    assert ended.stdout == path.with_suffix(".txt").read_text()
    assert ended.returncode == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_programs_of_a_page_run(page: Path, tmp_path: Path) -> None:
    for number, program in enumerate(programs_in(page)):
        path = tmp_path / f"program_{number}.py"
        path.write_text(program)
        ended = run(path)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout, "a program in the documentation is to show something"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_shows_files_as_they_are(page: Path) -> None:
    text = page.read_text()
    assert "{literalinclude}" not in text, "a page is to be readable where it lies"
    for how, path, shown in INLINE.findall(text):
        file = (page.parent / path).read_text()
        if how == "the same as":
            assert shown == file, path
        else:
            assert all(part in file for part in shown.split("\n\n")), path


def test_every_example_is_on_a_page() -> None:
    shown = {
        (page.parent / path).resolve() for page in PAGES for _, path, _ in INLINE.findall(page.read_text())
    }
    text = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in EXAMPLES if path not in shown and path.name not in text] == []
