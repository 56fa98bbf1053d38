"""Both kinds of sender: one with contextvars, whose messages carry them, and one without.

The mailbox stores their messages in two ways, and nothing else may differ. A test has contextvars of its own (pytest's
`decimal` context, at least). So the tests of guarantees run without any on uvloop, and with eager tasks; with
`--plain-senders` all tests do, on every loop.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

WITH_CONTEXTVARS = "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--plain-senders", action="store_true", help="run each test without contextvars, on every loop"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the contextvars away: from the tests of guarantees on all loops but the first, or from all tests."""
    always = config.getoption("--plain-senders")
    for item in items:
        if isinstance(item, pytest.Function) and (always or _is_of_guarantee_on_another_loop(item)):
            plain = _in_a_plain_task if asyncio.iscoroutinefunction(item.obj) else _in_a_plain_call
            item.obj = plain(item.obj)


def _is_of_guarantee_on_another_loop(item: pytest.Function) -> bool:
    loop = item.name.partition("[")[2].rstrip("]").split("-")[0]
    is_of_guarantee = "guarantee" in item.name or "guarantees" in item.path.parts
    return is_of_guarantee and asyncio.iscoroutinefunction(item.obj) and loop not in {"", WITH_CONTEXTVARS}


def _in_a_plain_task(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Any]:
    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        await asyncio.Task(test(*args, **kwargs), context=contextvars.Context())

    return run


def _in_a_plain_call(test: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        contextvars.Context().run(test, *args, **kwargs)

    return run
