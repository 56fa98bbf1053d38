"""Testing actors: deterministic simulation and virtual time.

`explore` runs an async program again and again, each time in another order and with other delays, until a run
fails; it shrinks the failing run and prints the seed and the tape that replay it. `simulate` is one such run.
`run_in_virtual_time` runs a program once, in order, without waiting for its timers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from actorio.testing._simulation.loop import SimLoop
from actorio.testing._simulation.policy import PolicyName
from actorio.testing._simulation.tape import Tape
from actorio.testing.exploration import Exploration, SimulationFailed, explore, explore_places
from actorio.testing.failures import (
    Escaped,
    GuaranteeBroken,
    ReplayDiverged,
    SimDeadlock,
    SimLivelock,
    SimulationError,
    SimUnhandled,
    WrongReply,
)
from actorio.testing.faults import Fault, Faults, InjectedCrash
from actorio.testing.harness import Harness, Scheduled, Sent
from actorio.testing.probe import Probe
from actorio.testing.replaying import Replay, replay
from actorio.testing.settings import SimulationSettings
from actorio.testing.shrinking import shrink
from actorio.testing.simulation import SimulationResult, simulate
from actorio.testing.virtual_time import VirtualTimeLoop, run_in_virtual_time
from actorio.testing.waiting import settled, until

if TYPE_CHECKING:
    from actorio.testing.simulated_network import SimulatedNetwork
    from actorio.testing.stores import FaultyStore

__all__ = [
    "Escaped",
    "Exploration",
    "Fault",
    "Faults",
    "FaultyStore",
    "GuaranteeBroken",
    "Harness",
    "InjectedCrash",
    "PolicyName",
    "Probe",
    "Replay",
    "ReplayDiverged",
    "Scheduled",
    "Sent",
    "SimDeadlock",
    "SimLivelock",
    "SimLoop",
    "SimUnhandled",
    "SimulatedNetwork",
    "SimulationError",
    "SimulationFailed",
    "SimulationResult",
    "SimulationSettings",
    "Tape",
    "VirtualTimeLoop",
    "WrongReply",
    "explore",
    "explore_places",
    "replay",
    "run_in_virtual_time",
    "settled",
    "shrink",
    "simulate",
    "until",
]


_WITH_AN_EXTRA = {"FaultyStore": "stores", "SimulatedNetwork": "simulated_network"}


def __getattr__(name: str) -> Any:
    """Import what needs an extra when it is asked for."""
    if name in _WITH_AN_EXTRA:
        return getattr(importlib.import_module(f"actorio.testing.{_WITH_AN_EXTRA[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
