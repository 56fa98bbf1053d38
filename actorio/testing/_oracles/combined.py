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
from actorio.testing.failures import GuaranteeBroken

__all__ = ["Combined", "oracles"]


def oracles(report: Callable[[GuaranteeBroken], None]) -> list[Observer]:
    """Return a fresh set of oracles; `report` is told of what is broken, the first is to be trusted."""

    def breach(number: int | str, what: str) -> None:
        report(GuaranteeBroken(number, what))

    return [kind(breach) for kind in (Ledger, Answers, Lives, Regroups, Notices, Remains, Durability)]
