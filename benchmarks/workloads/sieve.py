"""Sieve of Eratosthenes: a pipeline of filters that grows with the primes it finds.

Source: Savina, `sieve`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["SIEVE"]


@dataclass(frozen=True, slots=True)
class Size:
    """Up to which number, and how many primes a filter holds."""

    limit: int
    primes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The primes found, in order, the filters made, and the candidates that all filters handled."""

    primes: Sequence[int]
    filters: int
    candidates: int


def primes_below(limit: int) -> list[int]:
    """Give the primes below a limit, by the sieve of old."""
    prime = [True] * limit
    for number in range(2, int(limit**0.5) + 1):
        if prime[number]:
            prime[number * number :: number] = [False] * len(prime[number * number :: number])
    return [number for number in range(2, limit) if prime[number]]


def candidates_handled(size: Size, primes: Sequence[int]) -> int:
    """Count what all filters look at: a number goes as far as the filter that holds its least divisor."""
    place = {prime: index // size.primes for index, prime in enumerate(primes)}
    least: dict[int, int] = {}
    for prime in reversed(primes):
        for multiple in range(prime, size.limit, prime):
            least[multiple] = prime
    newcomers = sum(index and index % size.primes == 0 for index in range(len(primes)))
    # The first prime of a filter makes it; it never comes in as a message.
    return sum(place[least[number]] + 1 for number in range(3, size.limit, 2)) - newcomers


def check(size: Size, answer: Answer) -> None:
    """All primes and no others were found, in as many filters as it takes, no candidate handled twice."""
    primes = primes_below(size.limit)
    expect("primes", list(answer.primes), primes)
    expect("filters", answer.filters, -(-len(primes) // size.primes))
    expect("candidates handled", answer.candidates, candidates_handled(size, primes))


class Filter(Role):
    def __init__(self, size: Size, prime: int, report: Address) -> None:
        self.size = size
        self.primes = [prime]
        self.candidates = 0
        self.following: Address | None = None
        self.report = report

    async def receive(self, message: Any) -> None:
        if isinstance(message, list):
            self.end(message)
            return
        self.candidates += 1
        for prime in self.primes:
            if message % prime == 0:
                return
        if self.following is not None:
            self.following(message)
        elif len(self.primes) < self.size.primes:
            self.primes.append(message)
        else:
            self.following = await self.spawn(Filter, self.size, message, self.report)

    def end(self, found: list[tuple[list[int], int]]) -> None:
        found.append((self.primes, self.candidates))
        if self.following is not None:
            self.following(found)
        else:
            primes = [prime for own, _ in found for prime in own]
            self.report(Answer(primes, len(found), sum(candidates for _, candidates in found)))
        self.stop()


class Producer(Role):
    def __init__(self, size: Size, first: Address) -> None:
        self.limit = size.limit
        self.first = first

    def receive(self, message: Any) -> None:
        for candidate in range(3, self.limit, 2):
            self.first(candidate)
        self.first([])
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    first = await runtime.spawn(Filter, size, 2, runtime.report)
    producer = await runtime.spawn(Producer, size, first)
    producer(None)


SIEVE = Workload(
    name="sieve",
    group=Group.B,
    about="a pipeline of filters that grows",
    full=Size(20_000, 25),
    quick=Size(300, 5),
    messages=lambda size, answer: answer.candidates,
    check=check,
    programs=programs(play),
)
