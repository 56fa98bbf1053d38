"""All-pairs shortest paths: the matrix of distances in blocks, a phase for each block of the diagonal.

Source: Savina, `apsp`. Its blocks exchange rows and columns at each node; those of a call that goes to
another process go there once for a whole block of nodes, in the three steps of the blocked algorithm of
Venkataraman, Sahni and Mukhopadhyaya (2003). The distances are the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.generator import Random16
from benchmarks.harness.offload import Submit, offloaded_programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["APSP", "graph"]

LONGEST_EDGE = 100

Block = list[list[int]]


@dataclass(frozen=True, slots=True)
class Size:
    """How many nodes, and how many of them make the side of a block."""

    nodes: int
    side: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The distance of each pair of nodes, and the blocks that were worked on."""

    distances: Sequence[Sequence[int]]
    calls: int


def graph(nodes: int) -> Block:
    """Draw the lengths of the edges; the graph is complete."""
    random = Random16(nodes)
    edges = [[0] * nodes for _ in range(nodes)]
    for row in range(nodes):
        for column in range(row + 1, nodes):
            edges[row][column] = edges[column][row] = random.next_below(LONGEST_EDGE) + 1
    return edges


def check(size: Size, answer: Answer) -> None:
    """The distances are those of Floyd and Warshall."""
    wanted = graph(size.nodes)
    relax(wanted, wanted, wanted)
    expect("distances", [list(row) for row in answer.distances], wanted)
    expect("calls", answer.calls, (size.nodes // size.side) ** 3)


def relax(block: Block, rows: Block, columns: Block) -> Block:
    """Shorten the paths of a block by those over the nodes that `rows` and `columns` lead over, in place."""
    for k, over in enumerate(columns):
        for row, onto in zip(block, rows, strict=True):
            to_k = onto[k]
            row[:] = [min(old, to_k + further) for old, further in zip(row, over, strict=True)]
    return block


def relax_diagonal(block: Block) -> Block:
    """Shorten the paths within a block of the diagonal."""
    return relax(block, block, block)


def relax_in_row(block: Block, diagonal: Block) -> Block:
    """Shorten the paths of a block beside the diagonal's."""
    return relax(block, diagonal, block)


def relax_in_column(block: Block, diagonal: Block) -> Block:
    """Shorten the paths of a block above or below the diagonal's."""
    return relax(block, block, diagonal)


async def play(size: Size, submit: Submit) -> Answer:
    edges = graph(size.nodes)
    per_side = size.nodes // size.side
    places = range(per_side)
    blocks = {(row, column): cut(edges, row, column, size.side) for row in places for column in places}
    calls = 0
    for at in places:
        others = [place for place in places if place != at]
        diagonal = blocks[at, at] = await submit(relax_diagonal, blocks[at, at])
        crossing = [(at, other) for other in others] + [(other, at) for other in others]
        found = await asyncio.gather(
            *(
                submit(relax_in_row if row == at else relax_in_column, blocks[row, column], diagonal)
                for row, column in crossing
            )
        )
        blocks.update(zip(crossing, found, strict=True))
        rest = [(row, column) for row in others for column in others]
        found = await asyncio.gather(
            *(submit(relax, blocks[place], blocks[place[0], at], blocks[at, place[1]]) for place in rest)
        )
        blocks.update(zip(rest, found, strict=True))
        calls += 1 + len(crossing) + len(rest)
    return Answer(joined(blocks, per_side, size.side), calls)


def cut(edges: Block, row: int, column: int, side: int) -> Block:
    """Cut one block out of the matrix."""
    return [line[column * side : (column + 1) * side] for line in edges[row * side : (row + 1) * side]]


def joined(blocks: dict[tuple[int, int], Block], per_side: int, side: int) -> Block:
    """Put the blocks together again."""
    return [
        [value for column in range(per_side) for value in blocks[row, column][line]]
        for row in range(per_side)
        for line in range(side)
    ]


APSP = Workload(
    name="apsp",
    group=Group.C,
    about="distances of 120 nodes, in blocks",
    full=Size(120, 30),
    quick=Size(12, 4),
    messages=lambda size, answer: 2 * answer.calls,
    check=check,
    programs=offloaded_programs(play),
)
