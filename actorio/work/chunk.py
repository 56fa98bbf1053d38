"""Items that `pool.map` hands over together: run one after the other, wherever the routee runs them.

One that fails is an outcome like any other, and does not take the others along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline
    from actorio._core.result import Result

__all__ = ["Chunk", "Outcome", "Outcomes", "run", "run_async"]

Outcome = tuple[bool, Any]
"""Of one item: whether it went well, and the value or the exception."""


class Chunk:
    """Items that were handed over together."""

    __slots__ = ("_single", "alarm", "items", "result")

    def __init__(self, items: list[Any], result: Result[Any], *, single: bool) -> None:
        self.items = items
        self.alarm: Deadline | None = None
        self.result = result
        self._single = single

    @property
    def is_done(self) -> bool:
        """Tell whether there is an outcome of each of its items."""
        return self.result.done()

    def outcomes(self) -> list[Outcome]:
        """Return what came of each of its items."""
        if self.result.cancelled():  # by `expire`: nobody else has it
            return [(False, TimeoutError("the work took longer than its timeout")) for _ in self.items]
        error = self.result.exception()
        if error is not None:
            return [(False, error) for _ in self.items]
        return [(True, self.result.result())] if self._single else self.result.result()

    def expire(self) -> None:
        """Cancel it: its time is over."""
        self.result.cancel()

    def cancel(self) -> None:
        """Give it up; what it failed with, if it has, is nobody's business any more."""
        if self.alarm is not None:
            self.alarm.cancel()
        if not self.result.cancel() and not self.result.cancelled():
            self.result.exception()


class Outcomes(list[Outcome]):
    """The outcomes of a chunk, each of which gets out of a process or not by itself."""


def run(func: Callable[[Any], Any], items: list[Any]) -> list[Outcome]:
    """Run a chunk, in whatever thread or process."""
    outcomes = Outcomes()
    for item in items:
        try:
            outcomes.append((True, func(item)))
        except Exception as error:
            outcomes.append((False, error))
    return outcomes


async def run_async(func: Callable[[Any], Any], items: list[Any]) -> list[Outcome]:
    """Run a chunk of a coroutine function, on the loop."""
    outcomes: list[Outcome] = []
    for item in items:
        try:
            outcomes.append((True, await func(item)))
        except Exception as error:
            outcomes.append((False, error))
    return outcomes
