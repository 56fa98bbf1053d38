"""The oracles of a run: what actorio promises, checked from boundary events while anybody's program runs.

Each oracle is an `Observer` that keeps the little state that its guarantees need. The first broken guarantee
ends the run; what is seen after it is not trusted. An oracle keeps its own account of what the runtime tells,
so that a bug there cannot hide itself, and looks into the runtime's tables only to see that they are empty.
"""

from __future__ import annotations

from collections.abc import Callable

from actorio._core.observer import Combined, Observer
from actorio.testing._oracles.answers import Answers
from actorio.testing._oracles.durability import Durability
from actorio.testing._oracles.ledger import Ledger
from actorio.testing._oracles.lives import Lives
from actorio.testing._oracles.notices import Notices
from actorio.testing._oracles.regroups import Regroups
from actorio.testing._oracles.remains import Remains
from actorio.testing._oracles.replies import Replies
from actorio.testing.failures import GuaranteeBroken, SimulationError

__all__ = ["Combined", "oracles"]


def oracles(report: Callable[[SimulationError], None], *, replies: bool = True) -> list[Observer]:
    """Return a fresh set of oracles; `report` is told of what is broken, the first is to be trusted.

    Args:
        report: told of a `GuaranteeBroken`, or of a `WrongReply`.
        replies: whether the replies of an `Ask[R]` are looked at too.
    """

    def breach(number: int | str, what: str) -> None:
        report(GuaranteeBroken(number, what))

    kinds = (Ledger, Answers, Lives, Regroups, Notices, Remains, Durability)
    found: list[Observer] = [kind(breach) for kind in kinds]
    return [*found, Replies(report)] if replies else found
