"""Between the result of submitted work, which lives on the loop, and the future that another thread holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from actorio.errors import ActorError

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable

    from actorio._core.result import Result

__all__ = ["copy_outcome", "pass_cancel"]


def copy_outcome(result: Result[Any], future: concurrent.futures.Future[Any]) -> None:
    """End the future as the result has ended."""
    if result.cancelled():
        future.cancel()
    if not future.set_running_or_notify_cancel():  # from here on no other thread can cancel it
        return
    if (error := result.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(result.result())


def pass_cancel(future: concurrent.futures.Future[Any], result: Result[Any], system: Any) -> None:
    """Cancel the work of a future that was cancelled, on the thread of its system."""
    if future.cancelled() and not result.done():
        try:
            system.from_thread(cast("Callable[[], None]", result.cancel), None)
        except ActorError:
            return
