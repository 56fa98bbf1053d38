"""Digits of pi: the terms of the formula of Bailey, Borwein and Plouffe, each a call, until one is too small.

Source: Savina, `piprecision`.
"""

import asyncio
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import count

from benchmarks.harness.offload import Submit, offloaded_programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["PIPRECISION"]

GUARD = 10
"""How many of the last digits may be wrong."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many digits, and how many terms are under way at once."""

    digits: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The digits, but for the last, and the terms up to the first that is zero when rounded."""

    digits: str
    terms: int


def term(digits: int, number: int) -> Decimal:
    """Give a term, rounded to so many decimals."""
    with localcontext() as context:
        context.prec = digits + 10
        context.rounding = ROUND_HALF_EVEN
        eight = 8 * number
        fractions = (
            Decimal(4) / (eight + 1)
            - Decimal(2) / (eight + 4)
            - Decimal(1) / (eight + 5)
            - Decimal(1) / (eight + 6)
        )
        return (fractions / Decimal(16) ** number).quantize(Decimal(1).scaleb(-digits))


def pi(digits: int) -> str:
    """Give pi to so many decimals, by Machin's formula in whole numbers."""
    unit: int = 10 ** (digits + 10)

    def arccot(x: int) -> int:
        total = power = unit // x
        for place in count(3, 2):
            power //= -x * x
            if power in (0, -1):
                return total
            total += power // place
        raise AssertionError("the series has no end")

    number = str(4 * (4 * arccot(5) - arccot(239)))
    return f"{number[0]}.{number[1 : digits + 1]}"


def terms_needed(size: Size) -> int:
    """Count the terms up to the first that is zero when rounded."""
    number = 0
    while term(size.digits, number) != 0:
        number += 1
    return number + 1


def check(size: Size, answer: Answer) -> None:
    """The digits are those of pi, of as many terms as it takes."""
    expect("digits", answer.digits, pi(size.digits - GUARD))
    expect("terms", answer.terms, terms_needed(size))


async def play(size: Size, submit: Submit) -> Answer:
    with localcontext() as context:
        context.prec = size.digits + 10
        total, terms = Decimal(0), 0
        for first in count(0, size.in_flight):
            numbers = range(first, first + size.in_flight)
            batch = await asyncio.gather(*(submit(term, size.digits, number) for number in numbers))
            total += sum(batch)
            terms += sum(value != 0 for value in batch)
            if batch[-1] == 0:
                return Answer(str(total)[: size.digits - GUARD + 2], terms + 1)
    raise AssertionError("the series has no end")


PIPRECISION = Workload(
    name="piprecision",
    group=Group.C,
    about="400 digits of pi, a call for each term",
    full=Size(400, 20),
    quick=Size(40, 4),
    messages=lambda size, answer: 2 * answer.terms,
    check=check,
    programs=offloaded_programs(play),
)
