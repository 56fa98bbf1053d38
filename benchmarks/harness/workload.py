"""The protocol of a workload: several programs follow it, and one check that all must pass.

A program is a coroutine function from a size to an `Outcome`. It makes everything it needs, does the
work, takes everything down again, and all of that is timed: what a runtime saves in its messages must not
hide in its end.

Every workload has the same three programs. `queue` is what a good engineer writes with `asyncio.Queue`,
tasks and futures; `lean` is the fastest that was found by hand, a deque and one future; `actorio` is a
user's program. A baseline supervises nothing, stops nobody in order and loses what a failing task had in
its queue; it is the price of the event loop, not of what actorio does.

Source: S. Imam and V. Sarkar, "Savina - An Actor Benchmark Suite", AGERE! 2014, and its published programs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

__all__ = [
    "AnyWorkload",
    "Group",
    "Outcome",
    "Program",
    "Workload",
    "WrongAnswerError",
    "expect",
]

S = TypeVar("S")
T = TypeVar("T")


class WrongAnswerError(Exception):
    """A program found something else than a correct run must find: a failure, not a figure."""


class Group(StrEnum):
    """The facts that a workload can know about a runtime that lives on one event loop."""

    A = "A"
    """The runtime itself: the cost of a message, a wake-up, a spawn, a stop."""
    B = "B"
    """A realistic protocol: correctness and speed in one."""
    C = "C"
    """Bound by computing: a check from end to end of work given to other processes."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The findings of one run.

    `actors` counts the actors really made, helpers among them: a figure of a million actors that made a
    thousand is the commonest lie of this field. `latencies` are seconds, for the workloads that time
    single asks. `held` is the growth of resident memory in bytes while all actors were alive, for the
    workload that asks for just that.
    """

    answer: T
    actors: int
    latencies: Sequence[float] = ()
    held: int | None = None


Program = Callable[[S], Awaitable[Outcome[T]]]


@dataclass(frozen=True, slots=True)
class Workload(Generic[S, T]):
    """A protocol with its sizes, its programs and its check.

    `messages` gives the number of user messages of a run, by the definition of Savina: an ask is two,
    what the runtime sends for its own purposes none. `check` raises `WrongAnswerError`. `memory` asks for
    the peak memory of every program, each in a process of its own; `rated` is false where the rate is not
    the point, which keeps the workload out of the mean.
    """

    name: str
    group: Group
    about: str
    full: S
    quick: S
    messages: Callable[[S, T], int]
    check: Callable[[S, T], None]
    programs: Mapping[str, Program[S, T]]
    memory: bool = False
    rated: bool = True

    def size(self, *, quick: bool) -> S:
        """Give the size to run: the full one, or one that takes a fraction of a second."""
        return self.quick if quick else self.full


AnyWorkload = Workload[Any, Any]


def expect(what: str, found: object, wanted: object) -> None:
    """Raise `WrongAnswerError` if `found` is not equal to `wanted`."""
    if found != wanted:
        raise WrongAnswerError(f"{what}: expected {wanted!r}, found {found!r}")
