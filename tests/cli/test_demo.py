"""The demo's actors find what a sequential survey finds, whatever crashes on the way."""

import sysconfig
from pathlib import Path

import pytest

from actorio.cli.demo import survey_with_actors
from actorio.cli.survey import survey_tree

BAD = {
    "syntax.py": b"def",
    "encoding.py": b"# coding: nonsense\n",
    "bytes.py": b"x = '\xff'\n",
    "deep.py": b"-" * 100_000 + b"1",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """60 good files in six folders and four bad ones among them."""
    for number in range(60):
        path = tmp_path / f"folder_{number % 6}" / f"module_{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"import os, m{number % 4}\n" + "def f(): pass\n" * number + "class C: pass\n")
    for name, content in BAD.items():
        (tmp_path / "folder_3" / name).write_bytes(content)
    return tmp_path


async def test_actors_count_what_a_sequential_survey_counts(tree: Path) -> None:
    report = await survey_with_actors(tree, lambda done, expected: None)
    assert report.survey == survey_tree(tree)
    assert (report.survey.files, report.survey.parsed) == (64, 60)


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_actors_count_what_a_sequential_survey_counts_in_the_standard_library() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    report = await survey_with_actors(root, lambda done, expected: None)
    assert report.survey == survey_tree(root)
    assert report.restarts == len(report.survey.unparsed)


async def test_each_file_that_cannot_be_parsed_crashes_a_parser_and_is_reported(tree: Path) -> None:
    report = await survey_with_actors(tree, lambda done, expected: None)
    assert sorted(Path(path).name for path in report.survey.unparsed) == sorted(BAD)
    assert report.restarts == len(BAD)


async def test_progress_only_grows_and_ends_at_the_whole(tree: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    await survey_with_actors(tree, lambda done, expected: seen.append((done, expected)))
    assert seen == sorted(seen, key=lambda progress: progress[0])
    assert seen[-1] == (64, 64)


async def test_a_tree_without_sources_is_an_empty_survey(tmp_path: Path) -> None:
    report = await survey_with_actors(tmp_path, lambda done, expected: None)
    assert report.survey.files == 0


async def test_a_tree_of_nothing_but_bad_files_is_surveyed_to_its_end(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"bad_{number}.py").write_bytes(b"def")
    report = await survey_with_actors(tmp_path, lambda done, expected: None)
    assert (report.survey.parsed, len(report.survey.unparsed), report.restarts) == (0, 40, 40)
