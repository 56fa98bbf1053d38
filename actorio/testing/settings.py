"""Settings of a simulated world: how late timers are, what a step costs, how long a run may be."""

from __future__ import annotations

from dataclasses import dataclass

from actorio._core.checks import check_count, check_duration, check_instance
from actorio.testing.faults import Faults

__all__ = ["SimulationSettings", "settings_or_default"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """The conditions of a run; a replay needs the same ones.

    Attributes:
        quantum: seconds; sleeping ends on multiples of it, as `epoll` wakes on whole milliseconds. It makes
            timers coincide as often as they do in production, where most timing races come from. 0: exact.
        step_cost: seconds, the most that one callback takes; drawn for each step, so timeouts race with work.
        thread_delay: seconds, the most that work given to a thread or executor takes.
        max_steps: callbacks in one run, at most; one more is a `SimLivelock`.
        pct_depth: the policy `pct` finds bugs that need this many orderings at least (see `_policy`).
        faults: what is done to the actors of the run; None: nothing.
    """

    quantum: float = 0.001
    step_cost: float = 50e-6
    thread_delay: float = 0.01
    max_steps: int = 1_000_000
    pct_depth: int = 3
    faults: Faults | None = None

    def __post_init__(self) -> None:
        for name in ("quantum", "step_cost", "thread_delay"):
            check_duration(name, getattr(self, name))
        if self.faults is not None:
            check_instance("faults", self.faults, Faults)
        check_count("max_steps", self.max_steps, least=1)
        check_count("pct_depth", self.pct_depth, least=1)


def settings_or_default(settings: SimulationSettings | None) -> SimulationSettings:
    """Return the settings of a run, the defaults for None.

    Raises:
        TypeError: neither settings nor None.
    """
    return (
        SimulationSettings() if settings is None else check_instance("settings", settings, SimulationSettings)
    )
