"""Cigarette smokers: an arbiter starts one smoker a round, and the next when he has begun.

Source: Savina 13, `cigsmok`, without its busy waits. Of the 200 smokers only 100 ever smoke: the
generator gives even and odd numbers in turn, and half of them say how long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["CIGSMOK"]

START, STARTED, EXIT = "start", "started", "exit"


@dataclass(frozen=True, slots=True)
class Size:
    """How many rounds, and how many smokers."""

    rounds: int
    smokers: int


def draw(random: Random16, size: Size) -> int:
    """Draw who smokes next; the draw of how long is made and not used."""
    smoker = random.next_below(size.smokers)
    random.next_int()
    return smoker


def check(size: Size, starts: Sequence[int]) -> None:
    """Each smoked as often as the generator says."""
    random = Random16(size.rounds * size.smokers)
    wanted = [0] * size.smokers
    for _ in range(size.rounds):
        wanted[draw(random, size)] += 1
    expect("cigarettes of each smoker", list(starts), wanted)


class Smoker(Role):
    def __init__(self, number: int, arbiter: Address, starts: list[int]) -> None:
        self.number = number
        self.arbiter = arbiter
        self.starts = starts

    def receive(self, message: Any) -> None:
        if message is EXIT:
            self.stop()
            return
        self.starts[self.number] += 1
        self.arbiter(STARTED)


class Arbiter(Role):
    def __init__(self, size: Size, runtime: Runtime) -> None:
        self.size = size
        self.random = Random16(size.rounds * size.smokers)
        self.left = size.rounds
        self.report = runtime.report
        self.starts = [0] * size.smokers

    async def receive(self, message: Any) -> None:
        if message is START:
            self.smokers = [
                await self.spawn(Smoker, number, self.me, self.starts) for number in range(self.size.smokers)
            ]
        else:
            self.left -= 1
        if self.left:
            self.smokers[draw(self.random, self.size)](START)
            return
        for smoker in self.smokers:
            smoker(EXIT)
        self.report(self.starts)
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    arbiter = await runtime.spawn(Arbiter, size, runtime)
    arbiter(START)


CIGSMOK = Workload(
    name="cigsmok",
    group=Group.B,
    about="an arbiter and 200 smokers, one awake",
    full=Size(50_000, 200),
    quick=Size(200, 10),
    messages=lambda size, starts: 2 * size.rounds + size.smokers,
    check=check,
    programs=programs(play),
)
