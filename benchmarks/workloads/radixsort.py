"""Radix sort: a pipeline of sorters, one a bit; each lets zeros pass and keeps ones to the end.

Source: Savina, `radixsort`. The values are below 2**16, so most of the passes move nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["RADIXSORT", "SEED"]

SEED = 2048


@dataclass(frozen=True, slots=True)
class Size:
    """How many values, and how many passes over them."""

    values: int
    passes: int


def drawn(count: int) -> list[int]:
    """Draw the values to sort."""
    random = Random16(SEED)
    return [random.next_int() for _ in range(count)]


def check(size: Size, found: Sequence[int]) -> None:
    """The values came out in order, each as often as it went in."""
    expect("sorted values", list(found), sorted(drawn(size.values)))


class Sorter(Role):
    def __init__(self, size: Size, radix: int, following: Address) -> None:
        self.left = size.values
        self.radix = radix
        self.following = following
        self.kept: list[int] = []

    def receive(self, message: Any) -> None:
        if message & self.radix:
            self.kept.append(message)
        else:
            self.following(message)
        self.left -= 1
        if self.left == 0:
            for value in self.kept:
                self.following(value)
            self.stop()


class Validator(Role):
    def __init__(self, size: Size, report: Address) -> None:
        self.size = size
        self.report = report
        self.found: list[int] = []

    def receive(self, message: Any) -> None:
        self.found.append(message)
        if len(self.found) == self.size.values:
            self.report(self.found)
            self.stop()


class Source(Role):
    def __init__(self, size: Size, following: Address) -> None:
        self.size = size
        self.following = following

    def receive(self, message: Any) -> None:
        for value in drawn(self.size.values):
            self.following(value)
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    following = await runtime.spawn(Validator, size, runtime.report)
    for bit in reversed(range(size.passes)):
        following = await runtime.spawn(Sorter, size, 1 << bit, following)
    source = await runtime.spawn(Source, size, following)
    source(None)


RADIXSORT = Workload(
    name="radixsort",
    group=Group.B,
    about="a pipeline of 60 one bit sorters",
    full=Size(5_000, 60),
    quick=Size(50, 17),
    messages=lambda size, found: (size.passes + 1) * size.values,
    check=check,
    programs=programs(play),
)
