"""`actorio.run` begins an event loop, and says so where there is one."""

from typing import Any

import pytest

import actorio


async def test_run_inside_a_loop_says_to_await() -> None:
    async def main() -> None: ...

    with pytest.raises(RuntimeError, match=r"`await main\(\.\.\.\)` instead, in a notebook too"):
        actorio.run(main)


def test_run_of_a_coroutine_object_says_to_leave_the_brackets_out() -> None:
    async def main() -> None: ...

    given: Any = main()
    with pytest.raises(TypeError, match=r"run takes a function and its arguments, .* leave the \(\) out"):
        actorio.run(given)
