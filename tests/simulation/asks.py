"""Scenarios of asks, submitted work and deadlocks."""

import asyncio
import random
from collections.abc import Awaitable
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    AskCancelledError,
    AskTimeoutError,
    DeadlockError,
    Mailbox,
    NoReplyError,
    Result,
    all_results,
)
from actorio.testing import until
from tests.simulation.mail import together


class Oracle(Actor[Any]):
    """Answers, slowly; counts what it has begun."""

    def __init__(self, begun: list[Any]) -> None:
        self.begun = begun

    async def receive(self, message: Any) -> Any:
        self.begun.append(message)
        await asyncio.sleep(random.choice([0, 0.001, 0.002]))
        if isinstance(message, Exception):
            raise message
        return ("answer", message)


async def outcome(answer: Awaitable[Any]) -> Any:
    """Return the value, or the exception."""
    try:
        return await answer
    except Exception as error:
        return error


async def answers() -> None:
    """Each asker gets its own answer: the value, or the handler's exception object itself."""
    async with ActorSystem() as system:
        ref = await system.spawn(Oracle, [], mailbox=Mailbox(2))
        errors = [ValueError("a"), LookupError("b")]
        questions = [1, errors[0], 2, errors[1], 3]
        tasks = [asyncio.create_task(outcome(ref.ask(question))) for question in questions]
        got = [await task for task in tasks]
    assert got == [question if question in errors else ("answer", question) for question in questions]


async def timeouts() -> None:
    """An ask that has timed out or was cancelled in the queue does not run; the others are answered."""
    begun: list[Any] = []

    async def ask(ref: ActorRef[Any], number: int) -> Any:
        answer = await outcome(ref.ask(number, timeout=0.004))
        if isinstance(answer, AskTimeoutError):
            assert answer.started == (number in begun), f"{number}: {answer}"
            return "timeout"
        assert answer == ("answer", number)
        return "answer"

    async with ActorSystem() as system:
        ref = await system.spawn(Oracle, begun)
        tasks = [asyncio.create_task(ask(ref, number), name=f"asker-{number}") for number in range(6)]
        victim = asyncio.create_task(ref.ask("cancelled"), name="victim")
        await asyncio.sleep(random.choice([0, 0.001, 0.003]))
        was_begun = "cancelled" in begun
        victim.cancel()
        await asyncio.wait([*tasks, victim])
        await asyncio.sleep(0.05)
        assert victim.cancelled() or was_begun or victim.result()
        assert was_begun or "cancelled" not in begun
        for number, task in enumerate(tasks):
            assert task.result() == "timeout" or number in begun
    assert len(begun) == len(set(begun))


async def deaths() -> None:
    """Every ask of an actor that ends is answered or ends with `ActorStoppedError`, at once."""
    async with ActorSystem() as system:
        ref = await system.spawn(Oracle, [], mailbox=Mailbox(2))
        tasks = [asyncio.create_task(outcome(ref.ask(number))) for number in range(6)]
        for _ in range(random.randint(0, 10)):
            await asyncio.sleep(0)
        getattr(ref, random.choice(["stop", "kill"]))()
        await ref.join()
        ended = asyncio.get_running_loop().time()
        for number, task in enumerate(tasks):
            answer = await task
            assert answer == ("answer", number) or isinstance(answer, ActorStoppedError)
        assert asyncio.get_running_loop().time() - ended < 0.01


class Ring(Actor[int]):
    """Asks the next one, so many times."""

    def __init__(self) -> None:
        self.next: ActorRef[Any] | None = None

    async def receive(self, left: Any) -> Any:
        if isinstance(left, ActorRef):
            self.next = left
            return None
        if not left:
            return 0
        assert self.next is not None
        return 1 + await self.next.ask(left - 1)


async def deadlocks() -> None:
    """An ask that closes a cycle fails with its path; a chain does not."""
    async with ActorSystem() as system:
        refs = [await system.spawn(Ring, name=f"ring-{number}") for number in range(3)]
        for ref, following in zip(refs, [*refs[1:], refs[0]], strict=True):
            await ref.ask(following)
        assert await refs[0].ask(2) == 2
        assert await refs[2].ask(1) == 1  # nobody waits any more for whom they have waited
        answer = await outcome(refs[0].ask(3))
        assert isinstance(answer, DeadlockError), answer
        assert answer.path == ("/ring-2", "/ring-0", "/ring-1", "/ring-2")
        both = await asyncio.gather(outcome(refs[0].ask(1)), outcome(refs[2].ask(1)))
        assert both == [1, 1] or any(isinstance(answer, DeadlockError) for answer in both)


class Gatherer(Actor[Any]):
    """Waits for all that it has submitted to two others: one asks back, the other is free to go on."""

    async def receive(self, workers: list[ActorRef[Any]]) -> list[Any]:
        me = self.context.ref

        async def ask_back() -> Any:
            return await outcome(me.ask([]))

        async def rest() -> str:
            await asyncio.sleep(random.choice([0, 0.001]))
            return "rested"

        works = [ask_back, rest]
        return await all_results(worker.submit(work) for worker, work in zip(workers, works, strict=True))


async def deadlocks_of_several() -> None:
    """A wait for all of several hangs when one of them hangs, however free the others are."""
    async with ActorSystem() as system:
        workers = [await system.spawn(Oracle, []) for _ in range(2)]
        gatherer = await system.spawn(Gatherer)
        answer = await outcome(gatherer.ask(workers))
    if not isinstance(answer, DeadlockError):  # it was not the gatherer whose wait closed the cycle
        asked, rested = answer
        assert isinstance(asked, DeadlockError), asked
        assert rested == "rested"


class Later(Actor[Any]):
    """Takes asks away, and answers them after the next message; drops a None."""

    def __init__(self) -> None:
        self.held: list[tuple[Any, Result[Any]]] = []

    async def receive(self, message: Any) -> None:
        reply = self.context.defer()
        await asyncio.sleep(0)
        for question, held in self.held:
            held.set_result(("late", question))
        self.held = [(message, reply)] if message is not None else []


async def deferred() -> None:
    """A reply that was taken away comes later, or is an error once nobody can give it any more."""
    async with ActorSystem() as system:
        ref = await system.spawn(Later)
        tasks: list[asyncio.Task[Any]] = []
        for number in (1, 2, None, 3):
            tasks.append(asyncio.create_task(outcome(ref.ask(number))))
            await until(lambda: ref.statistics().handled == len(tasks))
        assert await tasks[0] == ("late", 1)
        assert await tasks[1] == ("late", 2)
        assert isinstance(await tasks[2], NoReplyError)
        ref.stop()
        assert isinstance(await tasks[3], ActorStoppedError)


async def submissions() -> None:
    """Submitted work runs between messages; cancelled in the queue it does not run, midway it ends."""
    ran: list[int] = []

    async def work(number: int) -> int:
        ran.append(number)
        await asyncio.sleep(0.001)
        return number * number

    async with ActorSystem() as system:
        ref = await system.spawn(Oracle, [])
        results = [ref.submit(work, number) for number in range(5)]
        for _ in range(random.randint(0, 6)):
            await asyncio.sleep(0)
        began = 3 in ran
        results[3].cancel()
        values = [await outcome(result) if number != 3 else None for number, result in enumerate(results)]
        assert values == [0, 1, 4, None, 16]
        assert results[3].cancelled()
        assert began == (3 in ran)
        assert await ref.ask("still there") == ("answer", "still there")


class Twice(Actor[Any]):
    """Answers everything twice: at once, and once more from what it has taken away."""

    async def receive(self, message: Any) -> Any:
        if message == "cancel":
            raise asyncio.CancelledError
        if message != "defer":
            self.context.reply(("first", message))
            return ("second", message)
        await asyncio.sleep(random.choice([0, 0.002]))
        reply = self.context.defer()
        await asyncio.sleep(0.002)
        reply.set_result("too late, perhaps")
        return "never seen"


async def once() -> None:
    """A second answer is nothing, and so is one that comes after the timeout; a stray cancel is an error."""
    async with ActorSystem() as system:
        ref = await system.spawn(Twice)
        deferred = asyncio.create_task(outcome(ref.ask("defer", timeout=random.choice([0.001, 0.01]))))
        assert await ref.ask("question") == ("first", "question")
        assert isinstance(await deferred, AskTimeoutError | str)
        stray = asyncio.create_task(outcome(ref.ask("cancel")))
        assert isinstance(await stray, AskCancelledError)
        assert await ref.ask("question") == ("first", "question")


class Own(Actor[Any]):
    """Owns its loop; answers asks by hand, and forgets every third."""

    async def run(self) -> None:
        count = 0
        while True:
            message = await self.recv()
            await asyncio.sleep(0)
            count += 1
            if message == "leave":
                return
            if count % 3:
                self.context.reply(("own", message))


async def own_loops() -> None:
    """An own loop's asks end too: answered, forgotten, or left in its hand as it returns."""
    async with ActorSystem() as system:
        ref = await system.spawn(Own)
        tasks = [asyncio.create_task(outcome(ref.ask(number))) for number in range(4)]
        got = [await task for task in tasks]
        assert sum(isinstance(answer, NoReplyError) for answer in got) == 1
        assert sum(isinstance(answer, tuple) for answer in got) == 3
        leaving = asyncio.create_task(outcome(ref.ask("leave")))
        late = asyncio.create_task(outcome(ref.ask("late")))
        assert isinstance(await leaving, NoReplyError)
        assert isinstance(await late, ActorStoppedError | tuple)
        await ref.join()


class Full(Actor[Any]):
    """Sends to its peer, whose mailbox is full and who does the same."""

    def __init__(self) -> None:
        self.peer: ActorRef[Any] | None = None
        self.failed = 0

    async def receive(self, message: Any) -> Any:
        if isinstance(message, ActorRef):
            self.peer = message
        elif message == "fill" and self.peer is not None:
            try:
                for _ in range(3):
                    await self.peer.send("ballast")
            except DeadlockError:
                self.failed += 1
        return self.failed


async def full_cycle() -> None:
    """Two actors that wait for room in each other do not hang."""
    async with ActorSystem() as system:
        left, right = [await system.spawn(Full, mailbox=Mailbox(1)) for _ in range(2)]
        await left.ask(right)
        await right.ask(left)
        await together(left.send("fill"), right.send("fill"))
        await asyncio.wait([asyncio.create_task(ref.ask("count")) for ref in (left, right)])


SCENARIOS = [
    answers,
    timeouts,
    deaths,
    deadlocks,
    deadlocks_of_several,
    deferred,
    submissions,
    once,
    own_loops,
    full_cycle,
]
