"""Several `Result`s at once: all of them, the first, each as it comes.

They are structured: when a wait ends early, by a failure or by its own cancellation, the work that is still
going on is cancelled, since nobody is left to see what comes of it.

Source: `Task.await_many`, `Task.yield_many` of Elixir.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from actorio._core.checks import check_instance, check_iterable
from actorio._core.result import Result, wait_of_current
from actorio._core.typevar import TypeVar

__all__ = ["all_results", "as_completed", "first_result"]

R = TypeVar("R")


async def all_results(results: Iterable[Result[R]]) -> list[R]:
    """Wait for all values, and return them in the order of the results; none of none.

    Raises:
        Exception: the first failure, at once; the other work is cancelled.
        TypeError: not an iterable of results.
        asyncio.CancelledError: one of the results was cancelled.
        DeadlockError: one of them waits, through whomever, for the very turn that waits for it.
        WrongThreadError: from another thread or event loop than that of their work, done or not.

    Cancellation: all of the work is cancelled.
    """
    results = _all_of(results)
    result: Result[R] | None = None
    try:
        async with aclosing(_as_completed(results, cancel_rest=True, every=True)) as coming:
            async for result in coming:
                result.result()
        return [result.result() for result in results]
    finally:
        del results, result  # or the traceback of a failure and this frame would keep each other alive


async def first_result(results: Iterable[Result[R]]) -> R:
    """Wait for the first value; the other work is cancelled then.

    Raises:
        ExceptionGroup: all of them have failed.
        ValueError: there are no results, or all were cancelled.
        TypeError: not an iterable of results.
        DeadlockError: those that are left all wait, through whomever, for the very turn that waits for them.
        WrongThreadError: as in `all_results`.

    Cancellation: all of the work is cancelled.
    """
    errors: list[Exception] = []
    async with aclosing(_as_completed(_all_of(results), cancel_rest=True)) as coming:
        async for result in coming:
            if result.cancelled():
                continue
            error = result.exception()
            if error is None:
                return result.result()
            errors.append(error if isinstance(error, Exception) else RuntimeError(repr(error)))
    if not errors:
        raise ValueError("there is no result to wait for")
    raise ExceptionGroup("none of the results has a value", errors)


def as_completed(
    results: Iterable[Result[R]], *, cancel_rest: bool = False
) -> AsyncGenerator[Result[R], None]:
    """Yield each result when it is done; ask it for its value by `result.result()`.

    Args:
        results: to be waited for; each is yielded once.
        cancel_rest: whether to cancel those that are not done when the consumer leaves: at once with
            `contextlib.aclosing`, soon without.

    Raises:
        TypeError: at the call; not an iterable of results.
        DeadlockError: from the iteration; those that are left all wait, through whomever, for the very turn that
            waits for them.
        WrongThreadError: from the iteration; as in `all_results`.
    """
    return _as_completed(_all_of(results), cancel_rest=cancel_rest)


def _all_of(results: Iterable[Result[R]]) -> list[Result[R]]:
    check_iterable("results", results, "Result")
    return [check_instance("each of the results", result, Result) for result in results]


async def _as_completed(
    results: list[Result[R]], *, cancel_rest: bool, every: bool = False
) -> AsyncGenerator[Result[R], None]:
    left = dict.fromkeys(results)
    done: deque[Result[R]] = deque()
    waiter: asyncio.Future[None] | None = None

    def finished(result: Result[R]) -> None:
        done.append(result)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    for result in left:
        result.add_done_callback(finished)
    release = None
    try:
        release = wait_of_current(results, every=True) if every else None
        while left:
            while not done:
                waiter = asyncio.get_running_loop().create_future()
                await (waiter if every else _for_any(left, waiter))
            result = done.popleft()
            del left[result]
            yield result
    finally:
        if release is not None:
            release()
        if cancel_rest:
            for result in left:
                _discard(result)


async def _for_any(left: dict[Result[R], None], waiter: asyncio.Future[None]) -> None:
    release = wait_of_current(left, every=False)
    try:
        await waiter
    finally:
        if release is not None:
            release()


def _discard(result: Result[R]) -> None:
    """Cancel the work; what it failed with, if it has, is nobody's business any more."""
    if not result.cancel() and not result.cancelled():
        result.exception()
