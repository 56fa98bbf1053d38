"""The price of each operation: every one runs, and is told as a price."""

from benchmarks.programs.operations import OPERATIONS, measure


async def test_each_operation_has_a_price() -> None:
    best = await measure(count=20, rounds=2)
    assert best.keys() == OPERATIONS.keys()
    assert all(seconds > 0 for seconds in best.values())
