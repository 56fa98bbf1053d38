"""The page of guarantees has each of them once, in order, and names the tests that carry its number."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "guarantees.md").read_text()
SECTIONS = re.findall(r"^## (\d+)\. .*?^Tests: `(.*?)`$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_guarantees_are_numbered_from_1_to_21() -> None:
    assert [int(number) for number, _ in SECTIONS] == list(range(1, 22))


@pytest.mark.parametrize(("number", "path"), SECTIONS, ids=[number for number, _ in SECTIONS])
def test_a_guarantee_names_its_tests(number: str, path: str) -> None:
    assert Path(path).name.startswith(f"test_guarantee_{int(number):02}_")
    tests = re.findall(r"^(?:async )?def (test_\w+)", (ROOT / path).read_text(), re.MULTILINE)
    assert tests
    assert all(name.startswith(f"test_guarantee_{int(number):02}_") for name in tests)
