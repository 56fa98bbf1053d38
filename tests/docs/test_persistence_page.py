"""The page of the guarantees of durable actors has each of them once, in order, and names files with its tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "guarantees-persistence.md").read_text()
SECTIONS = re.findall(r"^## P(\d+)\. .*?^Tests: (.*?)$", PAGE, re.MULTILINE | re.DOTALL)
TESTS = ROOT / "tests" / "persistence" / "guarantees"


def test_the_guarantees_are_numbered_from_1_to_20() -> None:
    assert [int(number) for number, _ in SECTIONS] == list(range(1, 21))


@pytest.mark.parametrize(("number", "files"), SECTIONS, ids=[f"P{number}" for number, _ in SECTIONS])
def test_each_file_that_a_guarantee_names_has_tests_of_its_number(number: str, files: str) -> None:
    named = re.findall(r"`(\w+\.py)`", files)
    assert named
    for name in named:
        tests = re.findall(r"^(?:async )?def (test_\w+)", (TESTS / name).read_text(), re.MULTILINE)
        assert [test for test in tests if re.match(rf"test_(p\d+_)*p{number}_", test)], name
