"""actorio: supervised actors for asyncio."""

from __future__ import annotations

from actorio._cell.interleave_mark import interleave
from actorio._cell.notices import Statistics, Terminated
from actorio._cell.owned.pipe import PipeFailed
from actorio._cell.owned.timer import Timer
from actorio._cell.stream import Stream
from actorio._core.acceleration import core_is_compiled as core_is_compiled
from actorio._core.events import (
    ActorFailed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    DeadLetter,
    EventBus,
    EventStream,
)
from actorio._core.mailbox import Mailbox, Overflow
from actorio._core.priority_mailbox import PriorityMailbox
from actorio._core.result import Result
from actorio._tree.groups import GroupMonitor, Groups, Joined, Left
from actorio._tree.snapshot import ActorSnapshot, SystemSnapshot
from actorio.actor import Actor, Ask
from actorio.context import Context
from actorio.errors import (
    ActorError,
    ActorExit,
    ActorStoppedError,
    AskCancelledError,
    AskTimeoutError,
    ChildError,
    ChildInUseError,
    ChildNotFoundError,
    ClusterError,
    DeadlockError,
    DeliveryUnknownError,
    DetachedError,
    EngineError,
    ExitReason,
    LinkedActorError,
    MailboxFullError,
    MessageTooLargeError,
    NameInUseError,
    NameNotFoundError,
    NodeNameInUseError,
    NoHostError,
    NoReplyError,
    NotLocalError,
    NotSendableError,
    RefusedError,
    RemoteError,
    RestartLimitError,
    StartTimeoutError,
    UnhandledMessageError,
    WorkerError,
    WrongThreadError,
)
from actorio.flow.become import Becoming
from actorio.flow.state_machine import StateMachine, entry, state
from actorio.flow.topic import Topic, TopicStream
from actorio.policy import AutoShutdown, Backoff, Directive, Restart, Strategy, Supervision
from actorio.ref import ActorRef
from actorio.runner import run
from actorio.supervisor import ChildCounts, ChildInfo, ChildSpec, Supervisor, child
from actorio.system import ActorSystem, ShutdownReport, current_actor
from actorio.work.mapping import Failed, PoolMap
from actorio.work.pool import PoolOptions, PoolRef, RateLimit, StuckJob
from actorio.work.progress import ProgressBar
from actorio.work.results import all_results, as_completed, first_result
from actorio.work.routing import (
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
from actorio.work.worker import Worker

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
    "ChildInUseError",
    "ChildInfo",
    "ChildNotFoundError",
    "ChildSpec",
    "ClusterError",
    "ConsistentHash",
    "Context",
    "DeadLetter",
    "DeadlockError",
    "DeliveryUnknownError",
    "DetachedError",
    "Directive",
    "EngineError",
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
    "MessageTooLargeError",
    "NameInUseError",
    "NameNotFoundError",
    "NoHostError",
    "NoReplyError",
    "NodeNameInUseError",
    "NotLocalError",
    "NotSendableError",
    "Overflow",
    "PipeFailed",
    "PoolMap",
    "PoolOptions",
    "PoolRef",
    "PriorityMailbox",
    "ProgressBar",
    "RandomRoutee",
    "RateLimit",
    "RefusedError",
    "RemoteError",
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
    "current_actor",
    "entry",
    "first_result",
    "interleave",
    "run",
    "state",
]

__version__ = "0.1.0"
