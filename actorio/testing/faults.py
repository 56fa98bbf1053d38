"""Faults to be put into a run: drawn from its tape, or placed by hand.

A fault happens at a place: the beginning of a turn (a message, a hook) or one of its awaits. Drawn faults are
choices on the tape like any other, so they are replayed with the run, and shrunk away where the failure does
not need them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from actorio._core.checks import check_count, check_duration, check_instance, check_iterable, check_number

__all__ = ["GRAIN", "Fault", "FaultKind", "Faults", "InjectedCrash", "check_share"]

FaultKind = Literal["crash", "cancel", "kill", "slow"]

EVERYBODY = "/*"
"""The pattern that every path matches."""


GRAIN = 1_000
"""Shares are drawn in thousandths."""


def check_share(name: str, share: float) -> float:
    """Return a share of something.

    Raises:
        TypeError: not a number.
        ValueError: not from 0 to 1, or so small that it would never be drawn.
    """
    check_number(name, share, least=0, most=1)
    if 0 < share < 1 / GRAIN:
        raise ValueError(
            f"{name} must be 0 or at least {1 / GRAIN}, since shares are drawn in thousandths; got {share}"
        )
    return share


class InjectedCrash(Exception):
    """Raised in an actor by a fault; also the answer of the ask it was at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault at one place, which is counted over all incarnations of the actor; it happens once.

    Attributes:
        kind: `crash` raises `InjectedCrash`, `cancel` a stray `CancelledError`, `kill` kills the actor,
            `slow` takes time.
        path: of the actor.
        message: at the beginning of the n-th turn, from 1 (a turn of `receive`, a call, a hook, `run`).
        wait: at the n-th await of its turns, from 1. Exactly one of the two is given.
        seconds: how long `slow` takes.
    """

    kind: FaultKind
    path: str
    message: int | None = None
    wait: int | None = None
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("crash", "cancel", "kill", "slow"):
            raise ValueError(f"kind must be 'crash', 'cancel', 'kill' or 'slow', not {self.kind!r}")
        check_instance("path", self.path, str)
        if (self.message is None) == (self.wait is None):
            raise ValueError("a fault has one place: give either message or wait")
        for name in ("message", "wait"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), least=1)
        check_duration("seconds", self.seconds)

    @property
    def place(self) -> tuple[str, int | None, int | None]:
        """Where it happens: the path, and the number of the turn or of the await."""
        return self.path, self.message, self.wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Faults of a run: `simulate(main, settings=SimulationSettings(faults=Faults(crash=0.01)))`.

    Shares are drawn in thousandths; a smaller one than that is a `ValueError`.

    Attributes:
        crash: share of places, from 0 to 1, at which the actor crashes.
        cancel: share of places at which a stray `CancelledError` is raised.
        kill: share of places at which the actor is killed.
        slow: share of places at which the actor takes up to `slowest` seconds: a slow handler, and since the
            next message waits for it, a late one.
        full: share of actors whose mailbox has room for one to three messages only.
        slowest: seconds.
        most: how many faults are drawn in one run, at most; None: no limit.
        paths: a pattern like `/shop/*`; actors that do not match are spared.
        by_hand: faults placed besides, one at a place.
    """

    crash: float = 0.0
    cancel: float = 0.0
    kill: float = 0.0
    slow: float = 0.0
    full: float = 0.0
    slowest: float = 1.0
    most: int | None = 10
    paths: str = EVERYBODY
    by_hand: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        for name in ("crash", "cancel", "kill", "slow", "full"):
            check_share(name, getattr(self, name))
        if self.crash + self.cancel + self.kill + self.slow > 1:
            raise ValueError("the shares of crash, cancel, kill and slow together must not exceed 1")
        check_duration("slowest", self.slowest)
        if self.most is not None:
            check_count("most", self.most, least=0)
        check_instance("paths", self.paths, str)
        check_iterable("by_hand", self.by_hand, "Fault")
        places = set()
        for fault in self.by_hand:
            check_instance("each of by_hand", fault, Fault)
            if fault.place in places:
                raise ValueError(f"by_hand must not have two faults at one place, as at that of {fault}")
            places.add(fault.place)
