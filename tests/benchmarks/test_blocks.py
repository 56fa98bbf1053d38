"""The blocks of the loop: every operation runs to its end, and a block is told."""

import pytest

from benchmarks.programs.blocks import OPERATIONS, measure


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_operation_on_many_is_measured(name: str) -> None:
    longest, took = await measure(name, 50)
    assert 0 < longest <= took
