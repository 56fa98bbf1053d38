"""Hypothesis as a source of choices: a strategy of tapes, which it draws, shrinks and remembers.

A tape of zeros is first-in-first-out, so what Hypothesis shrinks to is a run with as few deviations from that
as the failure needs, and the smallest ones::

    @given(tapes())
    def test_the_till_keeps_its_balance(tape):
        simulate(main, tape=tape).unwrap()

Choices past the end of the tape are 0. Needs the package `hypothesis`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from actorio._core.checks import check_count, check_instance, check_iterable
from actorio.testing._simulation.tape import Tape

__all__ = ["tapes"]

_LANES = ("actor", "cost", "fault", "order", "tie")


def tapes(*, lanes: Sequence[str] = _LANES, steps: int = 200, largest: int = 50) -> st.SearchStrategy[Tape]:
    """Return a strategy of tapes.

    Args:
        lanes: kinds of choices: `order` of callbacks, `actor` (who of the run queue is next), `cost` of steps
            in microseconds, `tie` of timers, `fault`. All others are 0.
        steps: how far into each lane the choices reach, at most.
        largest: value; a choice among fewer wraps around.

    Raises:
        TypeError, ValueError: an argument is not of its kind.
    """
    check_iterable("lanes", lanes, "names")
    for lane in lanes:
        check_instance("each of the lanes", lane, str)
    check_count("steps", steps, least=0)
    check_count("largest", largest, least=0)
    choices = st.lists(st.integers(0, largest), max_size=steps).map(tuple)
    return st.fixed_dictionaries(dict.fromkeys(sorted(lanes), choices)).map(Tape)
