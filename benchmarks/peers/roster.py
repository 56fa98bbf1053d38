"""Who the peers are, what all of them are asked to do, and what a right answer is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.workload import AnyWorkload, expect
from benchmarks.workloads import fjcreate, pingpong, send, skynet, threadring

__all__ = ["PEERS", "TASKS", "Peer", "Task"]

Numbers = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Task:
    """A task for a peer: a workload of actorio that is the same, and its sizes as numbers."""

    name: str
    workload: AnyWorkload
    size_of: Callable[..., Any]
    full: Numbers
    quick: Numbers
    messages: Callable[[Numbers], int]
    answer: Callable[[Numbers], object]

    def check(self, numbers: Numbers, answer: object) -> None:
        """Raise `WrongAnswerError` unless a peer found what it must."""
        expect(self.name, answer, self.answer(numbers))


TASKS = (
    Task(
        "ask",
        pingpong.PINGPONG,
        pingpong.Size,
        full={"rounds": 10_000},
        quick={"rounds": 50},
        messages=lambda numbers: 2 * numbers["rounds"],
        answer=lambda numbers: numbers["rounds"],
    ),
    Task(
        "send",
        send.SEND,
        send.Size,
        full={"numbers": 50_000},
        quick={"numbers": 200},
        messages=lambda numbers: numbers["numbers"],
        answer=lambda numbers: numbers["numbers"],
    ),
    Task(
        "ring",
        threadring.THREADRING,
        threadring.Size,
        full={"actors": 100, "hops": 20_003},
        quick={"actors": 10, "hops": 103},
        messages=lambda numbers: numbers["hops"] + 1,
        answer=lambda numbers: {
            "last": numbers["hops"] % numbers["actors"],
            "tokens": numbers["hops"] + 1,
        },
    ),
    Task(
        "spawn",
        fjcreate.FJCREATE,
        fjcreate.Size,
        full={"actors": 2_000},
        quick={"actors": 20},
        messages=lambda numbers: numbers["actors"],
        answer=lambda numbers: numbers["actors"],
    ),
    Task(
        "skynet",
        skynet.SKYNET,
        skynet.Size,
        full={"leaves": 1_000},
        quick={"leaves": 10},
        messages=lambda numbers: skynet.actors_in_tree(numbers["leaves"]),
        answer=lambda numbers: numbers["leaves"] * (numbers["leaves"] - 1) // 2,
    ),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A library: its name for pip, the module of its programs, and smaller sizes where it needs them.

    `environment` holds variables for its process, `variant` what they make of it.
    """

    name: str
    module: str
    smaller: Mapping[str, Numbers] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""

    def numbers(self, task: Task, *, quick: bool) -> Numbers:
        """Give the size at which this peer does a task."""
        return task.quick if quick else self.smaller.get(task.name, task.full)


# Where an actor is a process.
FOR_PROCESSES = {
    "ask": {"rounds": 1_000},
    "send": {"numbers": 5_000},
    "ring": {"actors": 4, "hops": 403},
    "spawn": {"actors": 4},
    "skynet": {"leaves": 10},
}

PEERS = (
    Peer("pykka", "pykka"),
    Peer("tapio-py", "tapio"),
    Peer("xoscar", "xoscar"),
    Peer("mindmesh", "mindmesh"),
    Peer("everything-is-an-actor", "everything_is_an_actor"),
    Peer("thespian", "thespian", environment={"THESPIAN_BASE": "simpleSystemBase"}, variant="simple"),
    Peer(
        "thespian",
        "thespian",
        smaller=FOR_PROCESSES,
        environment={"THESPIAN_BASE": "multiprocQueueBase"},
        variant="processes",
    ),
    Peer("casty", "casty"),
    Peer("ray", "ray", smaller=FOR_PROCESSES),
)
