"""A closed gate for each test in which actors hang."""

import pytest

from tests.cell.stubborn import gates
from tests.stage import Gate


@pytest.fixture(autouse=True)
def fresh_gate() -> None:
    gates.gate = Gate()
