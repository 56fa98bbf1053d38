"""Recursive matrix multiply: a product is eight products of quarters, until a block is small enough.

The matrices have A[i][j] = i and B[i][j] = j, so the product is C[i][j] = n i j, exactly.

Source: Savina, `recmatmul`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from benchmarks.harness.offload import Submit, offloaded_programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["RECMATMUL"]


@dataclass(frozen=True, slots=True)
class Size:
    """The side of the matrices, and the most elements of a block that is multiplied at once."""

    side: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Block:
    """The product of the block of A at (row, inner) and that of B at (inner, column)."""

    row: int
    inner: int
    column: int
    side: int

    def eighths(self) -> "list[Block]":
        """Give the eight products of quarters that make this one."""
        half = self.side // 2
        return [
            replace(self, row=self.row + r, inner=self.inner + k, column=self.column + c, side=half)
            for r, k, c in product((0, half), repeat=3)
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """The product, and the blocks worked on, of any size."""

    rows: Sequence[Sequence[float]]
    items: int


def check(size: Size, answer: Answer) -> None:
    """Every element is right, and no block was left out."""
    wanted = [[float(size.side * row * column) for column in range(size.side)] for row in range(size.side)]
    expect("product", [list(row) for row in answer.rows], wanted)
    items, blocks, side = 0, 1, size.side
    while side * side > size.threshold:
        items, blocks, side = items + blocks, blocks * 8, side // 2
    expect("blocks", answer.items, items + blocks)


def multiply(block: Block) -> list[list[float]]:
    """Multiply a block of A with one of B, element by element."""
    places = range(block.side)
    a = [[float(block.row + r) for _ in places] for r in places]
    b = [[float(block.column + c) for c in places] for _ in places]
    return [[sum(a[r][k] * b[k][c] for k in places) for c in places] for r in places]


async def play(size: Size, submit: Submit) -> Answer:
    rows = [[0.0] * size.side for _ in range(size.side)]
    items = 0

    async def work(block: Block) -> None:
        nonlocal items
        items += 1
        if block.side**2 > size.threshold:
            await asyncio.gather(*map(work, block.eighths()))
            return
        for r, values in enumerate(await submit(multiply, block)):
            for c, value in enumerate(values):
                rows[block.row + r][block.column + c] += value

    await work(Block(0, 0, 0, size.side))
    return Answer(rows, items)


RECMATMUL = Workload(
    name="recmatmul",
    group=Group.C,
    about="a matrix product, eight by eight",
    full=Size(64, 64),
    quick=Size(8, 16),
    messages=lambda size, answer: 3 * answer.items - 1,
    check=check,
    programs=offloaded_programs(play),
)
