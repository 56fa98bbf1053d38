"""Quicksort: a list is split at pivots until its parts are short enough for a call; big lists as messages.

Source: Savina, `quicksort`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.generator import Random16
from benchmarks.harness.offload import Submit, offloaded_programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["QUICKSORT"]

SEED = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How many values, and from how many on a list is split."""

    values: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The sorted values, and the lists that were sorted or split."""

    values: Sequence[int]
    parts: int


def drawn(count: int) -> list[int]:
    """Draw the values to sort."""
    random = Random16(SEED)
    return [random.next_int() for _ in range(count)]


def check(size: Size, answer: Answer) -> None:
    """The values are in order, each as often as before, after as many splits as it takes."""
    values = drawn(size.values)
    expect("sorted values", list(answer.values), sorted(values))
    expect("parts", answer.parts, parts(values, size.threshold))


def parts(values: list[int], threshold: int) -> int:
    """Count the lists that come about."""
    if len(values) < threshold:
        return 1
    less, _, greater = split(values)
    return 1 + parts(less, threshold) + parts(greater, threshold)


def split(values: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Part a list into what is less than, equal to and greater than the value in its middle."""
    pivot = values[len(values) // 2]
    return (
        [value for value in values if value < pivot],
        [value for value in values if value == pivot],
        [value for value in values if value > pivot],
    )


def quicksorted(values: list[int]) -> list[int]:
    """Sort a list as the others are, without help."""
    if len(values) < 2:
        return values
    less, equal, greater = split(values)
    return quicksorted(less) + equal + quicksorted(greater)


async def play(size: Size, submit: Submit) -> Answer:
    sorted_or_split = 0

    async def sort(values: list[int]) -> list[int]:
        nonlocal sorted_or_split
        sorted_or_split += 1
        if len(values) < size.threshold:
            return await submit(quicksorted, values)
        less, equal, greater = split(values)
        left, right = await asyncio.gather(sort(less), sort(greater))
        return left + equal + right

    return Answer(await sort(drawn(size.values)), sorted_or_split)


QUICKSORT = Workload(
    name="quicksort",
    group=Group.C,
    about="100,000 values, the short lists sorted by calls",
    full=Size(100_000, 2_048),
    quick=Size(500, 64),
    messages=lambda size, answer: 2 * answer.parts - 1,
    check=check,
    programs=offloaded_programs(play),
)
