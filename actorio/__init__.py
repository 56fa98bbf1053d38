"""actorio: supervised actors for asyncio."""

from __future__ import annotations

from actorio._timer import Timer
from actorio.actor import Actor, Ask, Context
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
from actorio.groups import GroupMonitor, Groups, Joined, Left
from actorio.mailbox import Mailbox, Overflow, PriorityMailbox
from actorio.policy import AutoShutdown, Backoff, Restart, Strategy, Supervision
from actorio.ref import ActorRef, Statistics, Terminated
from actorio.result import Result
from actorio.snapshot import ActorSnapshot, SystemSnapshot
from actorio.supervision import ChildCounts, ChildInfo, ChildSpec, Supervisor, child
from actorio.system import ActorSystem, ShutdownReport, run
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
    "ChildCounts",
    "ChildError",
    "ChildInfo",
    "ChildSpec",
    "Context",
    "DeadLetter",
    "DeadlockError",
    "EventBus",
    "EventStream",
    "ExitReason",
    "GroupMonitor",
    "Groups",
    "Joined",
    "Left",
    "LinkedActorError",
    "Mailbox",
    "MailboxFullError",
    "NameInUseError",
    "NameNotFoundError",
    "NoReplyError",
    "Overflow",
    "PriorityMailbox",
    "Restart",
    "RestartLimitError",
    "Result",
    "ShutdownReport",
    "StartTimeoutError",
    "Statistics",
    "Strategy",
    "Supervision",
    "Supervisor",
    "SystemSnapshot",
    "Terminated",
    "Timer",
    "UnhandledMessageError",
    "Worker",
    "WorkerError",
    "WrongThreadError",
    "child",
    "run",
]

__version__ = "0.1.0"
