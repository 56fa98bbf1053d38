"""Who runs next: three ways to choose among what is ready.

`fifo` keeps asyncio's order; only timer ties, step costs and faults vary. Each of its runs is one that a real
loop can produce, so a failure is a certain bug.

`random` chooses uniformly. It finds races that need fine interleaving, and over-approximates: asyncio itself
promises first-in-first-out for `call_soon`, but other loops, eager tasks, I/O and new versions change it.

`pct` gives each task a random priority and runs the highest, with a few demotions at random moments. It finds
races that need one task to be kept waiting long, which `random` practically never does. The probability to
find a bug of depth d in k choices is at least 1 / (n * k ** (d - 1)). The original is for runs of a known
length; here the priorities are drawn anew after each span of choices, with a length drawn per run, so that
long runs are explored to their end and no task starves for ever.

Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of
Finding Bugs", ASPLOS 2010 (PCT).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, Protocol

from actorio.testing._simulation.tape import Lane, Recorder

__all__ = ["Drawn", "Fifo", "Policy", "PolicyName", "Priorities", "check_policy", "policy_named"]

PolicyName = Literal["fifo", "random", "pct"]

_SHORTEST_SPAN, _LONGEST_SPAN = 4, 12  # powers of two


class Policy(Protocol):
    """Chooses one of `count` candidates and writes the choice on the lane."""

    def choose(self, lane: Lane, count: int, owner: Callable[[int], int]) -> int:
        """Return an index below `count`.

        Args:
            lane: where the choice is drawn from, or written down.
            count: number of candidates, two at least.
            owner: the birth number of the task behind candidate i, 0 when there is none.
        """
        ...


class Fifo:
    """The first."""

    def choose(self, lane: Lane, count: int, owner: Callable[[int], int]) -> int:
        """Return 0."""
        return lane.record(0)


class Drawn:
    """Chooses what the lane says: a recording, or a uniform draw."""

    def choose(self, lane: Lane, count: int, owner: Callable[[int], int]) -> int:
        """Return the lane's next value."""
        return lane.draw(count)


class Priorities:
    """The task with the highest priority, demoted now and then (PCT)."""

    def __init__(self, source: random.Random, depth: int) -> None:
        self._source = source
        self._depth = depth
        self._span = 2 ** source.randint(_SHORTEST_SPAN, _LONGEST_SPAN)
        self._begin_span()

    def choose(self, lane: Lane, count: int, owner: Callable[[int], int]) -> int:
        """Return the candidate of highest priority."""
        if self._choices == self._span:
            self._begin_span()
        best = max(range(count), key=lambda i: self._priority(owner(i)))
        if self._choices in self._demotions:
            self._priorities[owner(best)] = self._source.random()  # below all that were never demoted
        self._choices += 1
        return lane.record(best)

    def _begin_span(self) -> None:
        self._choices = 0
        self._priorities: dict[int, float] = {}
        self._demotions = {self._source.randrange(self._span) for _ in range(self._depth - 1)}

    def _priority(self, owner: int) -> float:
        if owner not in self._priorities:
            self._priorities[owner] = 1 + self._source.random()
        return self._priorities[owner]


def check_policy(name: PolicyName) -> None:
    """Refuse what is no name of a policy.

    Raises:
        ValueError: there is no such policy.
    """
    if name not in ("fifo", "random", "pct"):
        raise ValueError(f"policy must be 'fifo', 'random' or 'pct', not {name!r}")


def policy_named(name: PolicyName, recorder: Recorder, pct_depth: int) -> Policy:
    """Return the policy of that name; a replay follows the tape, whatever the policy was."""
    check_policy(name)
    if recorder.replaying:
        return Drawn()
    if name == "fifo":
        return Fifo()
    source = recorder.source("priority")
    return Drawn() if name == "random" or source is None else Priorities(source, pct_depth)
