"""The failures of a simulated run: which of them is a test that failed, and what they say."""

import re
from pathlib import Path

import pytest

from actorio.testing import Escaped, GuaranteeBroken, SimulationError, SimulationFailed, failures

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted({*failures.__all__} - {"Escaped", "SimulationError"}))
def test_what_is_wrong_with_a_run_is_a_failed_assertion(name: str) -> None:
    kind = getattr(failures, name)
    assert issubclass(kind, SimulationError)
    assert issubclass(kind, AssertionError)


def test_a_program_that_cannot_be_simulated_is_not_taken_for_a_wrong_one() -> None:
    assert not issubclass(Escaped, AssertionError)
    assert issubclass(SimulationFailed, SimulationError)


def test_a_broken_guarantee_is_told_by_number_and_name() -> None:
    error = GuaranteeBroken("P5", "the state is 3")
    assert error.number == "P5"
    assert str(error) == "guarantee P5 (state = journal) is broken: the state is 3"


def test_each_guarantee_that_an_oracle_blames_has_a_name() -> None:
    """Or the error itself would fail, in the middle of the run."""
    folder = ROOT / "actorio" / "testing"
    sources = [*(folder / "_oracles").glob("*.py"), folder / "_cluster_oracles.py"]
    text = "".join(path.read_text() for path in sources)
    blamed = set(re.findall(r'_?breach\(\s*("?[A-Z]?\d+"?),', text)) | set(re.findall(r'"([PC]\d+)"', text))
    assert len(blamed) > 10
    assert {number.strip('"') for number in blamed} <= {str(number) for number in failures._GUARANTEES}
