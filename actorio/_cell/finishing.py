"""Tells whether an async generator that runs is only finishing: at its last cleaning up, with no `yield` before it.

One that has run ahead of its consumer may be in its last `finally` when the consumer leaves. To cancel it there would
cut its cleaning up short; to wait for one that does anything else could take for ever. Which of the two it is, its code
says: the body of a `finally`, and the exit of an `async with`, are compiled twice, for the way on and for the way of an
exception.
"""

from __future__ import annotations

import dis
import functools
import inspect
import itertools
from collections import Counter
from types import CodeType

__all__ = ["is_finishing"]

_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_NEVER_GO_ON = frozenset({
    "JUMP_ABSOLUTE",
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "JUMP_FORWARD",
    "RAISE_VARARGS",
    "RERAISE",
    "RETURN_CONST",
    "RETURN_VALUE",
})  # fmt: skip
"""Instructions after which the next one is not run."""


def is_finishing(generator: object) -> bool:
    """Tell whether an async generator waits in its last cleaning up; False for what is of another kind."""
    if not inspect.isasyncgen(generator) or generator.ag_frame is None:
        return False
    return generator.ag_frame.f_lasti in _last_cleaning_up(generator.ag_code)


@functools.lru_cache(maxsize=256)
def _last_cleaning_up(code: CodeType) -> frozenset[int]:
    """Return the offsets of the waits in a cleaning up from which no `yield` of an item is reached."""
    instructions = list(dis.get_instructions(code))
    waits = [pair for pair in itertools.pairwise(instructions) if pair[0].opname == "YIELD_VALUE"]
    times = Counter(wait.positions for wait, _ in waits)
    # A generator that waits is at the one or at the other, which is to say before or, from 3.13 on, after its wait.
    twice = {one.offset for pair in waits if times[pair[0].positions] > 1 for one in pair}
    return frozenset(twice - _places_before_a_yield(instructions))


def _places_before_a_yield(instructions: list[dis.Instruction]) -> set[int]:
    """Return the offsets from which a `yield` of an item is reached, if no exception is raised."""
    came_from: dict[int, list[int]] = {}
    yields: list[int] = []
    for number, instruction in enumerate(instructions):
        if _is_a_yield(instruction):
            yields.append(instruction.offset)
        if instruction.opcode in _JUMPS:
            came_from.setdefault(instruction.argval, []).append(instruction.offset)
        if instruction.opname not in _NEVER_GO_ON and number + 1 < len(instructions):
            came_from.setdefault(instructions[number + 1].offset, []).append(instruction.offset)
    found = set(yields)
    for place in yields:  # it grows meanwhile
        for before in came_from.get(place, ()):
            if before not in found:
                found.add(before)
                yields.append(before)
    return found


def _is_a_yield(instruction: dis.Instruction) -> bool:
    """Tell whether an item is about to be yielded; an `await` yields as well, but no item."""
    return instruction.opname == "ASYNC_GEN_WRAP" or instruction.argrepr == "INTRINSIC_ASYNC_GEN_WRAP"
