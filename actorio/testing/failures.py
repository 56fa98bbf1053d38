"""The failures that a simulated run can end with, apart from the program's own errors.

::

    AssertionError
    └── SimulationError
        ├── SimDeadlock        nothing can run, nothing is due, and work is pending
        ├── SimLivelock        the bound of steps is reached
        ├── ReplayDiverged     an actor of a capsule asks what production did not
        ├── SimUnhandled       an exception nobody has looked at
        ├── GuaranteeBroken    actorio has not kept a promise
        ├── WrongReply         an Ask[R] was answered by something else than an R
        └── SimulationFailed   raised by `explore`: the failing run, shrunk, with its seed and tape
    RuntimeError
    └── Escaped                the program reached for something outside of the simulation

They are assertion errors, because in a test they are what a failed `assert` is. `Escaped` is not: it tells of
a program that cannot be simulated as it is, not of one that is wrong.
"""

from __future__ import annotations

__all__ = [
    "Escaped",
    "GuaranteeBroken",
    "ReplayDiverged",
    "SimDeadlock",
    "SimLivelock",
    "SimUnhandled",
    "SimulationError",
    "WrongReply",
]

_GUARANTEES: dict[int | str, str] = {
    1: "one fate",
    2: "order",
    3: "one at a time",
    5: "ask",
    8: "stopping cannot be blocked by mail",
    10: "strategies",
    12: "children end first",
    13: "on_stop runs once",
    14: "notices come last",
    15: "back pressure",
    17: "timers",
    20: "leaving the block leaves nothing",
    "P1": "acknowledged is durable",
    "P3": "one history",
    "P5": "state = journal",
    "P8": "doubt is resolved or fatal",
    "C2": "order",
    "C3": "at most once",
    "C4": "no loss between living nodes",
    "C5": "one fate",
    "C9": "watch",
    "C10": "single activation",
    "C11": "fencing",
    "C12": "detached",
    "C13": "planned leave",
    "C14": "names",
}


class SimulationError(AssertionError):
    """The root of what the simulation itself finds wrong with a run."""


class WrongReply(SimulationError):
    """An `Ask[R]` was answered by something else than an R: who asks relies on a type that is not there."""


class SimDeadlock(SimulationError):
    """Nothing is ready, no timer is due, and main is not done: the message says where each task waits."""


class SimLivelock(SimulationError):
    """The run has taken `max_steps` steps and main is not done."""


class SimUnhandled(SimulationError):
    """Main returned, but an exception went to the event loop's handler because nobody had looked at it."""


class ReplayDiverged(SimulationError):
    """The replayed actor asks something that production did not ask, and there is no answer for it."""


class GuaranteeBroken(SimulationError):
    """An oracle has seen actorio break one of its own guarantees: a bug of actorio, not of the program.

    Attributes:
        number: of the guarantee, as in the reference; those of durable actors begin with a P, of a cluster with a C.
    """

    def __init__(self, number: int | str, what: str) -> None:
        self.number = number
        super().__init__(f"guarantee {number} ({_GUARANTEES[number]}) is broken: {what}")


class Escaped(RuntimeError):
    """The program under simulation used a socket, a process, a thread or a blocking wait.

    Such a thing is decided outside of the tape, so the run could not be replayed. The run ends at once, also
    when the program catches this error.
    """
