"""`actorio.run` begins an event loop, and says so where there is one."""

import pytest

import actorio


async def test_run_inside_a_loop_says_to_await() -> None:
    async def main() -> None: ...

    with pytest.raises(RuntimeError, match=r"`await main\(\.\.\.\)` instead, in a notebook too"):
        actorio.run(main)
