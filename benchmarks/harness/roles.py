"""Write a protocol once and run it on three runtimes: queues, lean inboxes, actorio.

A role is a class whose `receive` gets one message at a time, as a plain or as a coroutine function. It
sends by calling an address, which is what the runtime itself stores a message with:
`asyncio.Queue.put_nowait`, `Inbox.put`, `ActorRef.send_nowait`. Nothing stands between, so no runtime
pays for what the others need, and what is compared is the same protocol to the letter. Mailboxes are
unbounded, as they are in Savina.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Self, TypeVar

from actorio import Actor, ActorSystem, Mailbox
from benchmarks.harness.inbox import Inbox
from benchmarks.harness.workload import Outcome, Program

__all__ = ["Address", "Role", "Runtime", "programs"]

S = TypeVar("S")

Address = Callable[[Any], object]
"""Where messages go: called with a message, it stores it and returns at once."""


class Role:
    """The work of an actor. Each runtime adds `me`, `spawn` and `stop`, and the loop around `receive`."""

    me: Address
    """Its own address."""

    def receive(self, message: Any) -> Any:
        """Handle one message."""
        raise NotImplementedError

    async def spawn(self, role: "type[Role]", *args: Any) -> Address:
        """Make another actor; give its address."""
        raise NotImplementedError

    def stop(self) -> None:
        """End after this message."""
        raise NotImplementedError


class Runtime(ABC):
    """Makes actors of roles, and waits for what the last of them finds.

    Left, it ends the actors that have not ended. An actor that fails makes `found` raise.
    """

    def __init__(self) -> None:
        self.actors = 0
        self._answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what has not ended."""

    @abstractmethod
    async def spawn(self, role: type[Role], *args: Any) -> Address:
        """Make an actor; give its address."""

    def report(self, answer: Any) -> None:
        """Take the answer of the whole run."""
        self._answer.set_result(answer)

    async def found(self) -> Any:
        """Wait for the answer."""
        return await self._answer


class TaskRuntime(Runtime):
    """An actor is a task that reads what `new_mailbox` makes."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: set[asyncio.Task[None]] = set()

    async def spawn(self, role: type[Role], *args: Any) -> Address:
        self.actors += 1
        actor = task_role(role)(*args)  # type: ignore[arg-type]  # a class is hashable, mypy doubts it
        actor.runtime = self
        live, actor.me = self._new_mailbox(actor)
        task = asyncio.create_task(live)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return actor.me

    @abstractmethod
    def _new_mailbox(self, actor: "TaskRole") -> tuple[Any, Address]:
        """Give the coroutine that reads a new mailbox, and what stores a message in it."""

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._answer.done():
            self._answer.set_exception(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(0)  # whoever has its last message may still end by itself
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class TaskRole(Role):
    """A role that lives in a task."""

    runtime: TaskRuntime
    ended = False

    async def spawn(self, role: type[Role], *args: Any) -> Address:
        return await self.runtime.spawn(role, *args)

    def stop(self) -> None:
        self.ended = True


@cache
def task_role(role: type[Role]) -> type[TaskRole]:
    """Give a role the methods that it has in a task."""
    return type(role.__name__, (role, TaskRole), {"spawn": TaskRole.spawn, "stop": TaskRole.stop})


class QueueRuntime(TaskRuntime):
    """Plain `asyncio.Queue` and tasks."""

    def _new_mailbox(self, actor: TaskRole) -> tuple[Any, Address]:
        mailbox: asyncio.Queue[Any] = asyncio.Queue()
        live = queue_async_live if iscoroutinefunction(actor.receive) else queue_live
        return live(actor, mailbox), mailbox.put_nowait


async def queue_live(actor: TaskRole, mailbox: asyncio.Queue[Any]) -> None:
    receive, get = actor.receive, mailbox.get
    while not actor.ended:
        receive(await get())


async def queue_async_live(actor: TaskRole, mailbox: asyncio.Queue[Any]) -> None:
    receive, get = actor.receive, mailbox.get
    while not actor.ended:
        await receive(await get())


class LeanRuntime(TaskRuntime):
    """A deque, one future and a task."""

    def _new_mailbox(self, actor: TaskRole) -> tuple[Any, Address]:
        inbox: Inbox[Any] = Inbox()
        live = lean_async_live if iscoroutinefunction(actor.receive) else lean_live
        return live(actor, inbox), inbox.put


async def lean_live(actor: TaskRole, inbox: Inbox[Any]) -> None:
    receive, popleft = actor.receive, inbox.popleft
    while not actor.ended:
        while not inbox:
            await inbox.arrival()
        receive(popleft())


async def lean_async_live(actor: TaskRole, inbox: Inbox[Any]) -> None:
    receive, popleft = actor.receive, inbox.popleft
    while not actor.ended:
        while not inbox:
            await inbox.arrival()
        await receive(popleft())


class ActorioRuntime(Runtime):
    """Actors of actorio, all at the top level."""

    def __init__(self) -> None:
        super().__init__()
        self._system = ActorSystem()

    async def __aenter__(self) -> Self:
        await self._system.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._system.__aexit__(kind, error, trace)

    async def spawn(self, role: type[Role], *args: Any) -> Address:
        self.actors += 1
        ref = await self._system.spawn(new_actor, role, args, self, mailbox=Mailbox(None))
        return ref.send_nowait


class ActorRole(Actor[Any]):
    """A role that is an actor."""

    runtime: ActorioRuntime

    @property
    def me(self) -> Address:
        return self.context.ref.send_nowait

    async def spawn(self, role: type[Role], *args: Any) -> Address:
        return await self.runtime.spawn(role, *args)

    def stop(self) -> None:
        self.context.stop()


def new_actor(role: type[Role], args: tuple[Any, ...], runtime: ActorioRuntime) -> ActorRole:
    """Make the actor of a role."""
    actor = actor_role(role)(*args)  # type: ignore[arg-type]  # as above
    actor.runtime = runtime
    return actor


@cache
def actor_role(role: type[Role]) -> type[ActorRole]:
    """Give a role the methods that it has in an actor."""
    own = {"me": ActorRole.me, "spawn": ActorRole.spawn, "stop": ActorRole.stop}
    return type(role.__name__, (role, ActorRole), own)


RUNTIMES: Mapping[str, Callable[[], Runtime]] = {
    "queue": QueueRuntime,
    "lean": LeanRuntime,
    "actorio": ActorioRuntime,
}

Play = Callable[[S, Runtime], Awaitable[Any]]


def programs(play: Play[S]) -> Mapping[str, Program[S, Any]]:
    """Make the three programs of a protocol.

    `play` gets the size and a runtime; it makes the first actors and sends the first messages. The answer
    is what somebody then reports to the runtime.
    """
    return {name: partial(_perform, play, runtime) for name, runtime in RUNTIMES.items()}


async def _perform(play: Play[S], new_runtime: Callable[[], Runtime], size: S) -> Outcome[Any]:
    async with new_runtime() as runtime:
        await play(size, runtime)
        answer = await runtime.found()
    return Outcome(answer, runtime.actors)
