"""The API page has every public name, and no other."""

import re
from pathlib import Path

import actorio
from tests.docs.signatures import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def test_the_page_lists_what_can_be_imported() -> None:
    listed = re.findall(r"^\.\. auto\w+:: actorio\.(\w+)$", PAGE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(set(actorio.__all__) - {"__version__"})


def test_the_page_says_how_each_is_called_and_what_it_does() -> None:
    assert PAGE.read_text() == page(), "python -m tests.docs.signatures writes it"
