"""How an actor supervises its children: strategies, restart types, budget, backoff.

Source: the `supervisor` behaviour of Erlang/OTP (strategies, intensity and period, restart types, automatic
shutdown) and Pekko's backoff supervision.
"""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType

from actorio._core.checks import (
    check_count,
    check_duration,
    check_instance,
    check_number,
    check_some_time,
    kind_of,
)

__all__ = ["AutoShutdown", "Backoff", "Directive", "Restart", "Strategy", "Supervision"]

_STEEPEST = 10_000_000_000  # a factor beyond it can only be a mistake


class Strategy(enum.Enum):
    """Who is restarted when a child fails."""

    ONE_FOR_ONE = "one_for_one"
    """The failed child alone; the restart budget is its own."""
    ONE_FOR_ALL = "one_for_all"
    """All children."""
    REST_FOR_ONE = "rest_for_one"
    """The failed child and those started after it."""


class Restart(enum.Enum):
    """When a child that ended by itself is restarted. Stopped by `close`, `stop` or `kill` it never is."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """When it failed."""
    TEMPORARY = "temporary"
    """Never."""


class AutoShutdown(enum.Enum):
    """The rule by which a supervisor ends when its significant children have ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    """When the first of them has."""
    ALL_SIGNIFICANT = "all_significant"
    """When the last of them has."""


class Directive(enum.Enum):
    """The ways of a supervisor with a child's failure, where `Supervision.decide` says so for its exception."""

    RESUME = "resume"
    """The child goes on, with its state and its next message. Where there is nothing to go on with, since it has failed
    in its start, has left a loop of its own, or has lost its children, it is `RESTART`."""
    RESTART = "restart"
    """The restart type, the strategy and the budget say, as they do without a decision."""
    STOP = "stop"
    """The child ends for good, as crashed; it takes nobody along."""
    ESCALATE = "escalate"
    """The supervisor stops its children and fails with the same exception, as if it were its own."""


_SEVERITY = (Directive.RESUME, Directive.RESTART, Directive.STOP, Directive.ESCALATE)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing pauses before restarts.

    The n-th restart in a row, counted from 0, waits `initial * factor ** n` seconds, at most `maximum`, varied by up to
    `jitter` of it either way (a share: 0.2 is 20 percent). A child that ran as long as `maximum` begins anew.
    """

    initial: float = 0.1
    maximum: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        check_duration("initial", self.initial)
        check_duration("maximum", self.maximum)
        check_number("factor", self.factor, least=1, most=_STEEPEST)
        check_number("jitter", self.jitter, least=0, most=1)
        if self.maximum < self.initial:
            raise ValueError(f"maximum must be at least initial; got {self.maximum!r} and {self.initial!r}")

    def delay(self, attempt: int, source: random.Random) -> float:
        """Return the pause, in seconds, before restart `attempt` (from 0) in a row."""
        pause = self.maximum
        # The logarithm tells whether the power stays below the maximum, without overflowing as it may.
        if self.initial == 0 or attempt * math.log(self.factor) < math.log(self.maximum / self.initial):
            pause = self.initial * self.factor ** (attempt if self.initial else 0)
        return pause * (1 + self.jitter * (2 * source.random() - 1))


@dataclass(frozen=True, slots=True)
class Supervision:
    """How an actor supervises its children: `class Shop(Actor): supervision = Supervision(...)`.

    Args:
        strategy: who is restarted with a failed child.
        max_restarts: more than this many restarts ...
        within: ... in this many seconds, more than 0, and the supervisor stops its children and fails itself. For a
            child that fails slowly to come to an end too, it is more than that many failures take: a day, say. The
            budget is per child under `ONE_FOR_ONE`, one for all under the other two.
        backoff: pauses before restarts; None restarts at once.
        auto_shutdown: whether it ends with its significant children.
        decide: what to do about failures by exceptions of these classes; the nearest base class of an exception
            counts, and of a group of exceptions the most severe of its parts. What is not named is restarted as the
            rest says.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    _: KW_ONLY
    max_restarts: int = 3
    within: float = 5.0
    backoff: Backoff | None = None
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    decide: Mapping[type[Exception], Directive] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_instance("strategy", self.strategy, Strategy)
        check_instance("auto_shutdown", self.auto_shutdown, AutoShutdown)
        if self.backoff is not None:
            check_instance("backoff", self.backoff, Backoff)
        check_count("max_restarts", self.max_restarts, least=0)
        check_some_time("within", self.within)
        object.__setattr__(self, "decide", MappingProxyType(dict(_checked(self.decide))))

    def directive(self, error: BaseException) -> Directive:
        """Return what to do about a failure by this exception."""
        return max((self._decided(one) for one in _parts(error)), key=_SEVERITY.index)

    def _decided(self, error: BaseException) -> Directive:
        known = (self.decide[kind] for kind in type(error).__mro__ if kind in self.decide)
        return next(known, Directive.RESTART)


def _checked(decide: object) -> Iterator[tuple[type[Exception], Directive]]:
    if not isinstance(decide, Mapping):
        raise TypeError(
            f"decide must be a mapping of exception classes to a Directive, not {kind_of(decide)}"
        )
    for kind, directive in decide.items():
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"decide takes classes of exceptions, not {kind_of(kind)}")
        yield kind, check_instance(f"decide[{kind.__qualname__}]", directive, Directive)


def _parts(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group, at any depth; any other one itself."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _parts(part)
    else:
        yield error
