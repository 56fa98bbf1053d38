"""Views of a whole system, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actorio.inspection import Frame

__all__ = ["ActorRow", "Attention", "Blocked", "ClassRow", "Culprit", "Failure", "LostLetter", "Overview"]


@dataclass(frozen=True, slots=True)
class ClassRow:
    """All actors of a class, those that have ended among the totals.

    Attributes:
        cls: its qualified name with the module, or `(others)`.
        actors: how many there are.
        rate: messages handled a second, since the census before.
        depth: messages that wait in their mailboxes.
        deepest: most of them in one.
        handled: messages handled, in all.
        failed: what has raised, in all, answers to asks among them.
        restarts: how often they were restarted, in all.
    """

    cls: str
    actors: int
    rate: float
    depth: int
    deepest: int
    handled: int
    failed: int
    restarts: int


@dataclass(frozen=True, slots=True)
class Attention:
    """A cause that somebody should look at: who hangs on it is counted, not listed.

    Attributes:
        kind: `blocked`, `stuck`, `full`, `restarting` or `suspended`.
        path: the actor.
        cls: its class.
        text: a sentence for people.
        seconds: for how long.
        waiters: how many actors wait for it, through others too.
        behind: messages in its mailbox and in those of its waiters.
    """

    kind: str
    path: str
    cls: str
    text: str
    seconds: float
    waiters: int
    behind: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A time in which the loop ran nothing but one piece of code.

    Attributes:
        seconds: for how long.
        path: the actor whose code it was, empty where that is nobody's or not known.
        frames: where it stood, outermost first; empty where it held the interpreter itself.
        at: when it was seen, in seconds since 1970.
    """

    seconds: float
    path: str
    frames: list[Frame]
    at: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A system at one moment.

    Attributes:
        name: of the system.
        pid: of the process.
        python: its version.
        loop: the class of its event loop.
        uptime: seconds since the observatory was entered.
        age: seconds since the census that this is of.
        scan_seconds: of processor time, that this census took.
        actors: how many there are.
        rate: messages handled a second.
        depth: messages that wait in mailboxes.
        in_turn: actors that are in a turn.
        failures: of actors, in all; errors that are answers do not count.
        restarts: in all.
        dead_letters: in all.
        lag: seconds that the loop was late, when last asked.
        blocked: the loop's block of now.
        blocks: how often it was blocked.
        classes: all classes, the busiest first, 200 at most and the others.
        attention: what somebody should look at, worst first, 50 at most.
        core: `compiled`, or `pure` Python.
    """

    name: str
    pid: int
    python: str
    loop: str
    uptime: float
    age: float
    scan_seconds: float
    actors: int
    rate: float
    depth: int
    in_turn: int
    failures: int
    restarts: int
    dead_letters: int
    lag: float
    blocked: Blocked | None
    blocks: int
    classes: list[ClassRow]
    attention: list[Attention]
    core: str


@dataclass(frozen=True, slots=True)
class ActorRow:
    """One actor in a list.

    Attributes:
        turn_seconds: for how long it has been in its turn; None between turns.
        waiters: how many actors wait for it, through others too.
        waits_for: whom it waits for, empty for nobody.
        mean_seconds: of its turns; None without `timing`.
        max_seconds: of its turns; None without `timing`.
    """

    path: str
    cls: str
    state: str
    depth: int
    capacity: int | None
    rate: float
    handled: int
    failed: int
    restarts: int
    turn_seconds: float | None
    waiters: int
    waits_for: str
    mean_seconds: float | None
    max_seconds: float | None


@dataclass(frozen=True, slots=True)
class Culprit:
    """Who is waited for, and waits for no actor.

    Attributes:
        waiters: how many wait for it, through others too.
        direct: how many of them wait for it itself.
        turn_seconds: for how long it has been in its turn.
        at: the innermost line of the program's own code that its turn stands at.
    """

    path: str
    cls: str
    waiters: int
    direct: int
    turn_seconds: float | None
    at: Frame | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of an actor.

    Attributes:
        at: when, in seconds since 1970.
        error: the class of the exception.
        text: what it says.
        message_type: the class of the message; empty in a hook or a task.
        frames: where it was raised, outermost first.
    """

    at: float
    path: str
    cls: str
    incarnation: int
    error: str
    text: str
    message_type: str
    frames: list[Frame]


@dataclass(frozen=True, slots=True)
class LostLetter:
    """A dead letter.

    Attributes:
        at: when, in seconds since 1970.
        path: whom it was for.
        type: the class of the message.
        reason: `stopped`, `interrupted`, `dropped` or `unsent`.
    """

    at: float
    path: str
    type: str
    reason: str
