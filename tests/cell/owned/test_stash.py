"""Guarantee 30: the stash."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    Overflow,
    PriorityMailbox,
    UnhandledMessageError,
)
from actorio.testing import explore, until
from tests.guarantees.actors import in_turn, outcome, soon, started
from tests.stage import ticks

BOTH_SHAPES = pytest.mark.parametrize(
    "shape", [contextvars.Context(), contextvars.copy_context()], ids=["plain", "with-contextvars"]
)
"""A message lies in the mailbox as it is where its sender has no contextvars, and in an envelope where it has."""
USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


class Gate(Actor[Any]):
    """Puts numbers aside until it is opened, and takes them up in order."""

    def __init__(self, log: list[Any], capacity: int = 1000) -> None:
        self.log = log
        self.capacity = capacity
        self.is_open = False

    async def receive(self, message: Any) -> Any:
        match message:
            case "open":
                self.is_open = True
                self.log.append(self.context.unstash_all())
            case "close":
                self.is_open = False
            case "crash":
                raise ValueError(message)
            case _ if not self.is_open:
                self.context.stash(message, capacity=self.capacity)
                await ticks(1)
            case _:
                self.log.append(message)
                await ticks(1)
                return message, USER.get()
        return None

    async def peek(self) -> None:
        self.context.stash("anything")


async def test_guarantee_30_the_stash_comes_before_newer_mail_in_its_order() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log)
        for message in (1, 2, 3, "open", 4, 5):
            gate.send(message)
    assert log == [3, 1, 2, 3, 4, 5]


async def test_guarantee_30_stashing_again_while_it_is_taken_up_keeps_the_order() -> None:
    log: list[Any] = []

    class Slow(Gate):
        async def receive(self, message: Any) -> Any:
            await super().receive(message)
            if message == 2:
                self.is_open = False

    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Slow, log)
        for message in (1, 2, 3, 4, "open", 5, "open"):
            gate.send(message)
    assert log == [4, 1, 2, 3, 3, 4, 5]


async def test_guarantee_30_a_stashed_ask_is_answered_later_in_its_senders_contextvars() -> None:
    async def ask_as(name: str, number: int) -> Any:
        USER.set(name)
        return await gate.ask(number)

    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, [])
        asked = [started(ask_as(name, number)) for number, name in enumerate(("ann", "bob"))]
        await ticks(5)
        assert not any(task.done() for task in asked)
        await gate.send("open")
        assert [await task for task in asked] == [(0, "ann"), (1, "bob")]


async def test_guarantee_30_a_stashed_ask_that_timed_out_does_not_run() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log)
        with pytest.raises(AskTimeoutError):
            await gate.ask("late", timeout=0.01)
        await gate.send("open")
    assert log == [1]


async def test_guarantee_30_a_full_stash_refuses_and_keeps_what_it_has() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log, 2)
        asked = await in_turn(*(outcome(gate.ask(number)) for number in range(3)))
        error = await asked[2]
        assert isinstance(error, MailboxFullError)
        assert "stash" in error.__notes__[0]
        await gate.send("open")
        assert [(await task)[0] for task in asked[:2]] == [0, 1]


async def test_guarantee_30_a_restart_keeps_the_stash_in_order_and_none_runs_twice() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log)
        for message in (1, 2, "crash", 3):
            gate.send(message)
        asked = started(gate.ask(4))
        await until(lambda: gate.statistics().restarts)
        await gate.send("open")
        assert (await asked)[0] == 4
    assert log == [4, 1, 2, 3, 4]


@pytest.mark.parametrize("end", ["close", "stop"])
async def test_guarantee_30_what_is_stashed_at_the_end_is_undelivered(end: str) -> None:
    given_back: list[Any] = []

    class Keeper(Gate):
        async def on_undelivered(self, messages: Any, reason: Any) -> None:
            given_back.extend(messages)

    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Keeper, [])
        async with system.events.subscribe(DeadLetter) as letters:
            await gate.send(1)
            asked = started(outcome(gate.ask(2)))
            await until(lambda: not gate.statistics().depth)
            await ticks(3)
            getattr(gate, end)()
            await gate.join()
            assert isinstance(await asked, ActorStoppedError)
            letter = await anext(letters)
    assert (letter.message, letter.reason) == (1, "stopped")
    assert given_back == [1]


async def test_guarantee_30_only_the_current_message_is_stashed() -> None:
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, [])
        assert isinstance(await outcome(gate.call(Gate.peek)), ActorError)


def odd_first(message: Any) -> int:
    if isinstance(message, str):
        return 2
    return 0 if message % 2 else 1


async def test_guarantee_30_with_priorities_the_stash_comes_first_within_each() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log, mailbox=PriorityMailbox(odd_first))
        for message in (2, 1, 4, 3):
            gate.send(message)
        await until(lambda: gate.statistics().handled == 4)
        await gate.send("open")
        await until(lambda: log)
        for message in (6, 5, "close"):
            gate.send(message)
    assert log == [4, 1, 3, 5, 2, 4, 6]


async def test_guarantee_30_a_priority_that_fails_later_loses_nothing() -> None:
    log: list[Any] = []
    failing = False

    def priority(message: Any) -> int:
        if failing:
            raise ValueError(message)
        return 1

    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Gate, log, mailbox=PriorityMailbox(priority))
        gate.send(1)
        await gate.send("open")
        failing = True
    assert log == [1, 1]


async def test_guarantee_30_holds_of_the_routees_of_a_pool() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Gate, log, size=1)
        for message in (1, 2, "open", 3):
            pool.send(message)
    assert log == [2, 1, 2, 3]


async def _stash_under_stress() -> None:
    log: list[Any] = []
    told = []
    async with ActorSystem() as system:
        gate = await system.spawn(Gate, log, mailbox=Mailbox(5))
        loop = asyncio.get_running_loop()
        asking = [loop.create_task(outcome(gate.ask(100 + number))) for number in range(6)]
        for number in range(20):
            await gate.send(1_000 + number)
            if number in {7, 16}:
                await gate.send("open")
            if number == 11:
                await gate.send("close")
        for task in asking:
            told.append(await task)
    numbers = [entry for entry in log if entry in range(1_000, 1_020)]
    assert len(set(numbers)) == len(numbers)
    assert [reply[0] for reply in told] == list(range(100, 106))


def test_guarantee_30_holds_in_simulation() -> None:
    assert explore(_stash_under_stress, seeds=range(60)).distinct > 50


async def _drop_the_oldest_of_a_stash_that_was_put_back() -> None:
    async with ActorSystem() as system:
        gate = await system.spawn(Gate, [], mailbox=Mailbox(2, overflow=Overflow.DROP_OLD))
        for number in range(3):
            await gate.send(number)
            await ticks(3)
        for message in ("crash", 3, 4, 5):
            await gate.send(message)
            await ticks(1)
        await gate.send("open")


def test_guarantee_30_a_stash_that_is_put_back_goes_above_the_capacity_in_simulation() -> None:
    assert explore(_drop_the_oldest_of_a_stash_that_was_put_back, seeds=range(60)).distinct > 5


class Stasher(Actor[Any]):
    """Does with each message what the test says, and puts down what it is sent."""

    def __init__(self, log: list[Any], do: Callable[[Actor[Any], Any], Awaitable[None]]) -> None:
        self.log = log
        self.do = do

    async def receive(self, message: Any) -> None:
        self.log.append(message)
        await self.do(self, message)


@BOTH_SHAPES
async def test_guarantee_30_nothing_but_the_very_message_in_hand_is_stashed(
    shape: contextvars.Context,
) -> None:
    async def stash_another(actor: Actor[Any], message: Any) -> None:
        with pytest.raises(ActorError, match="only stash the message that it is handling"):
            actor.context.stash([*message])

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stasher, log, stash_another)
        shape.run(ref.send_nowait, ["m"])
    assert log == [["m"]]


async def test_guarantee_30_where_no_message_is_in_hand_there_is_nothing_to_stash() -> None:
    class Early(Actor[Any]):
        async def on_start(self) -> None:
            self.context.stash("x")

    class Late(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            with pytest.raises(ActorError):
                self.context.stash("x")
            stopped.append(self.context.unstash_all())

    stopped: list[int] = []
    async with soon(), ActorSystem() as system:
        with pytest.raises(ActorError):
            await system.spawn(Early)
        ref = await system.spawn(Late)
        ref.stop()
        assert (await ref.join()).error is None
    assert stopped == [0]


@BOTH_SHAPES
async def test_guarantee_30_a_message_is_stashed_once_a_turn(shape: contextvars.Context) -> None:
    async def twice(actor: Actor[Any], message: Any) -> None:
        if len(log) == 1:
            actor.context.stash(message)
            with pytest.raises(ActorError, match="stashed"):
                actor.context.stash(message)
            actor.context.unstash_all()

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stasher, log, twice)
        shape.run(ref.send_nowait, "m")
        shape.run(ref.send_nowait, "n")
    assert log == ["m", "m", "n"]


@BOTH_SHAPES
async def test_guarantee_30_a_message_whose_turn_fails_after_it_was_stashed_is_not_run_again(
    shape: contextvars.Context,
) -> None:
    async def fail(actor: Actor[Any], message: Any) -> None:
        if message == "fails":
            actor.context.stash(message)
            raise ValueError(message)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Stasher, log, fail)
        for message in ("fails", "next"):
            shape.run(ref.send_nowait, message)
        await until(lambda: len(log) == 2)
    assert log == ["fails", "next"]
    assert [letter async for letter in letters] == []


@BOTH_SHAPES
@pytest.mark.parametrize("suspends", [False, True], ids=["at once", "after an await"])
async def test_guarantee_30_a_message_that_nobody_handles_after_it_was_stashed_has_one_fate(
    shape: contextvars.Context, suspends: bool
) -> None:
    async def refuse(actor: Actor[Any], message: Any) -> None:
        if message == "open":
            actor.context.unstash_all()
            return
        actor.context.stash(message)
        if suspends:
            await ticks(2)
        raise UnhandledMessageError(message)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Stasher, log, refuse)
        for message in ("nobody's", "open"):
            shape.run(ref.send_nowait, message)
        ref.close()
        await ref.join()
    assert log == ["nobody's", "open"]
    assert [(letter.message, letter.reason) async for letter in letters] == [("nobody's", "unhandled")]


@BOTH_SHAPES
async def test_guarantee_30_a_message_that_is_killed_after_it_was_stashed_has_one_fate(
    shape: contextvars.Context,
) -> None:
    async def wait(actor: Actor[Any], message: Any) -> None:
        actor.context.stash(message)
        await asyncio.Event().wait()

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Stasher, log, wait)
        shape.run(ref.send_nowait, "m")
        await until(lambda: log)
        ref.kill()
        await ref.join()
    assert [(letter.message, letter.reason) async for letter in letters] == [("m", "interrupted")]


async def test_guarantee_30_a_message_that_was_answered_cannot_be_stashed() -> None:
    async def answer(actor: Actor[Any], message: Any) -> None:
        actor.context.reply("early")
        with pytest.raises(ActorError, match="answered"):
            actor.context.stash(message)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Stasher, [], answer)
        assert await ref.ask("m") == "early"


async def test_guarantee_30_holds_where_run_calls_that_of_its_base() -> None:
    class Framed(Gate):
        async def run(self) -> None:
            await super().run()

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        gate = await system.spawn(Framed, log)
        for number in range(3):
            await gate.send(number)
        asked = started(gate.ask(3))
        await ticks(5)
        await gate.send("open")
        assert await asked == (3, "nobody")
    assert log == [4, 0, 1, 2, 3]
