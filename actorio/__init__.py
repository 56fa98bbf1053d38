"""actorio: supervised actors for asyncio."""

from __future__ import annotations

from actorio._timer import Timer
from actorio.actor import Actor, Ask, Context
from actorio.behaviours import Becoming
from actorio.errors import (
    ActorError,
    ActorExit,
    ActorStoppedError,
    AskCancelledError,
    AskTimeoutError,
    ChildError,
    DeadlockError,
    ExitReason,
    LinkedActorError,
    MailboxFullError,
    NameInUseError,
    NameNotFoundError,
    NoReplyError,
    RestartLimitError,
    StartTimeoutError,
    UnhandledMessageError,
    WorkerError,
    WrongThreadError,
)
from actorio.events import (
    ActorFailed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    DeadLetter,
    EventBus,
    EventStream,
)
from actorio.gathering import all_results, as_completed, first_result
from actorio.groups import GroupMonitor, Groups, Joined, Left
from actorio.interleaving import interleave
from actorio.mailbox import Mailbox, Overflow, PriorityMailbox
from actorio.mapping import Failed, PoolMap
from actorio.piping import PipeFailed
from actorio.policy import AutoShutdown, Backoff, Restart, Strategy, Supervision
from actorio.pool import PoolOptions, PoolRef, RateLimit, StuckJob
from actorio.progress import ProgressBar
from actorio.ref import ActorRef, Statistics, Terminated
from actorio.result import Result
from actorio.routing import (
    Broadcast,
    ConsistentHash,
    LeastBusy,
    RandomRoutee,
    RoundRobin,
    Routee,
    Routing,
    SharedQueue,
    Work,
)
from actorio.snapshot import ActorSnapshot, SystemSnapshot
from actorio.state_machine import StateMachine, entry, state
from actorio.streaming import Stream
from actorio.supervision import ChildCounts, ChildInfo, ChildSpec, Supervisor, child
from actorio.system import ActorSystem, ShutdownReport, run
from actorio.topic import Topic, TopicStream
from actorio.work import Worker

__all__ = [
    "Actor",
    "ActorError",
    "ActorExit",
    "ActorFailed",
    "ActorRef",
    "ActorRestarted",
    "ActorSnapshot",
    "ActorStarted",
    "ActorStopped",
    "ActorStoppedError",
    "ActorSystem",
    "Ask",
    "AskCancelledError",
    "AskTimeoutError",
    "AutoShutdown",
    "Backoff",
    "Becoming",
    "Broadcast",
    "ChildCounts",
    "ChildError",
    "ChildInfo",
    "ChildSpec",
    "ConsistentHash",
    "Context",
    "DeadLetter",
    "DeadlockError",
    "EventBus",
    "EventStream",
    "ExitReason",
    "Failed",
    "GroupMonitor",
    "Groups",
    "Joined",
    "LeastBusy",
    "Left",
    "LinkedActorError",
    "Mailbox",
    "MailboxFullError",
    "NameInUseError",
    "NameNotFoundError",
    "NoReplyError",
    "Overflow",
    "PipeFailed",
    "PoolMap",
    "PoolOptions",
    "PoolRef",
    "PriorityMailbox",
    "ProgressBar",
    "RandomRoutee",
    "RateLimit",
    "Restart",
    "RestartLimitError",
    "Result",
    "RoundRobin",
    "Routee",
    "Routing",
    "SharedQueue",
    "ShutdownReport",
    "StartTimeoutError",
    "StateMachine",
    "Statistics",
    "Strategy",
    "Stream",
    "StuckJob",
    "Supervision",
    "Supervisor",
    "SystemSnapshot",
    "Terminated",
    "Timer",
    "Topic",
    "TopicStream",
    "UnhandledMessageError",
    "Work",
    "Worker",
    "WorkerError",
    "WrongThreadError",
    "all_results",
    "as_completed",
    "child",
    "entry",
    "first_result",
    "interleave",
    "run",
    "state",
]

__version__ = "0.1.0"
