"""Both kinds of sender: one with contextvars, whose messages carry them, and one without.

The mailbox stores their messages in two ways. A test has contextvars of its own (pytest's `decimal` context,
at least); so on uvloop, and with eager tasks, it runs in a task that has none.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WITH_CONTEXTVARS = "asyncio"


def _without_contextvars(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Any]:
    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        await asyncio.Task(test(*args, **kwargs), context=contextvars.Context())

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the contextvars away from the tests of this directory on all loops but the first."""
    for item in items:
        if isinstance(item, pytest.Function) and HERE in item.path.parents and _is_bare(item):
            item.obj = _without_contextvars(item.obj)


def _is_bare(item: pytest.Function) -> bool:
    loop = item.name.partition("[")[2].rstrip("]").split("-")[0]
    return asyncio.iscoroutinefunction(item.obj) and loop not in {"", WITH_CONTEXTVARS}
