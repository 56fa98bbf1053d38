"""Guarantee 1: every message is handled once, or is one dead letter, or its sender gets an error."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    ExitReason,
    Mailbox,
    MailboxFullError,
    Overflow,
    PriorityMailbox,
    Supervision,
    Terminated,
    Timer,
)
from actorio.testing import until
from tests.guarantees.actors import (
    Failing,
    Held,
    Recorder,
    Valve,
    cancelled,
    outcome,
    soon,
    started,
)
from tests.stage import ticks

END = ["close", "stop", "kill"]


class Slow(Actor[Any]):
    """Takes three ticks for each message; puts it down when it begins."""

    def __init__(self, begun: list[Any], finished: list[Any]) -> None:
        self.begun = begun
        self.finished = finished

    async def receive(self, message: Any) -> Any:
        self.begun.append(message)
        await ticks(3)
        self.finished.append(message)
        return message


async def send_and_note(ref: ActorRef[Any], message: Any, refused: list[Any]) -> None:
    try:
        await ref.send(message)
    except ActorStoppedError as error:
        refused.append(error.undelivered)


@pytest.mark.parametrize("end", END)
async def test_guarantee_01_an_end_at_any_tick_gives_every_message_one_fate(end: str) -> None:
    for tick in range(20):
        begun: list[int] = []
        finished: list[int] = []
        refused: list[int] = []
        async with soon(), ActorSystem() as system:
            letters = system.events.subscribe(DeadLetter)
            ref = await system.spawn(Slow, begun, finished, mailbox=Mailbox(3))
            senders = [started(send_and_note(ref, number, refused)) for number in range(8)]
            await ticks(tick)
            getattr(ref, end)()
            await ref.join()
            await asyncio.wait(senders)
        dead = [letter.message async for letter in letters]
        assert sorted(finished + refused + dead) == list(range(8)), (end, tick)
        assert len(set(begun)) == len(begun)


async def test_guarantee_01_a_kill_at_each_await_of_a_handler_interrupts_one_message_at_most() -> None:
    for tick in range(12):
        begun: list[int] = []
        finished: list[int] = []
        async with soon(), ActorSystem() as system:
            letters = system.events.subscribe(DeadLetter)
            ref = await system.spawn(Slow, begun, finished)
            for number in range(3):
                await ref.send(number)
            await ticks(tick)
            ref.kill()
            await ref.join()
        dead = {letter.message: letter.reason async for letter in letters}
        assert sorted([*finished, *dead]) == [0, 1, 2]
        interrupted = [message for message, reason in dead.items() if reason == "interrupted"]
        assert interrupted == [message for message in begun if message not in finished]


async def test_guarantee_01_an_own_loop_that_is_killed_has_its_message_in_hand_as_a_dead_letter() -> None:
    class Own(Actor[int]):
        async def run(self) -> None:
            while True:
                await self.recv()
                entered.set()
                await asyncio.Event().wait()

    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Own)
        for number in range(3):
            await ref.send(number)
        await entered.wait()
        ref.kill()
    assert [(letter.message, letter.reason) async for letter in letters] == [
        (0, "interrupted"),
        (1, "stopped"),
        (2, "stopped"),
    ]


async def test_guarantee_01_a_kill_in_a_notice_does_not_bury_the_message_before() -> None:
    class Watcher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if isinstance(message, ActorRef):
                self.context.watch(message)
            handled.append(message)

        async def on_terminated(self, event: Terminated) -> None:
            noticed.set()
            await asyncio.Event().wait()

    handled: list[Any] = []
    noticed = asyncio.Event()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        failures = system.events.subscribe(ActorFailed)
        ended = await system.spawn(Recorder, [])
        ended.stop()
        await ended.join()
        watcher = await system.spawn(Watcher)
        await watcher.send(ended)
        await noticed.wait()
        watcher.kill()
        await watcher.join()
    assert handled == [ended]
    assert [letter async for letter in letters] == []
    assert [failure async for failure in failures] == []


async def test_guarantee_01_a_failing_notice_is_not_blamed_on_the_message_before() -> None:
    class Watcher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.context.watch(message)

        async def on_terminated(self, event: Terminated) -> None:
            raise ValueError("notice")

    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        ended = await system.spawn(Recorder, [])
        ended.stop()
        await ended.join()
        watcher = await system.spawn(Watcher)
        await watcher.send(ended)
        await until(lambda: watcher.statistics().failed)
    assert [failure.message async for failure in failures] == [None]


@pytest.mark.parametrize("message", [None, "", 0, ...])
async def test_guarantee_01_a_message_that_looks_like_nothing_has_its_fate_as_well(message: Any) -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(message)
        await ref.send(message)
        await valve.entered.wait()
        ref.kill()
        await ref.join()
    assert [(letter.message, letter.reason) async for letter in letters] == [
        (message, "interrupted"),
        (message, "stopped"),
    ]


@pytest.mark.parametrize("where", ["in hand", "queued", "in line"])
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_guarantee_01_an_ask_that_is_not_answered_is_an_error_and_no_dead_letter(
    where: str, end: str
) -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        before = {"in hand": 0, "queued": 1, "in line": 2}[where]
        for number in range(before):
            await ref.send(number)
            await valve.entered.wait()
        asking = started(outcome(ref.ask("question")))
        await ticks(3)
        getattr(ref, end)()
        await ticks(3)
        valve.open.set()
        answer = await asking
    if where == "in hand" and end == "stop":
        assert answer == "question"
    else:
        assert isinstance(answer, ActorStoppedError)
    assert "question" not in [letter.message async for letter in letters]


async def test_guarantee_01_a_call_and_a_submission_that_are_killed_are_errors_and_no_dead_letters() -> None:
    class Stuck(Actor[Any]):
        async def method(self) -> None:
            entered.set()
            await asyncio.Event().wait()

    async def work() -> None:
        entered.set()
        await asyncio.Event().wait()

    for submit in (False, True):
        entered = asyncio.Event()
        async with soon(), ActorSystem() as system:
            letters = system.events.subscribe(DeadLetter)
            ref = await system.spawn(Stuck)
            asking = started(outcome(ref.submit(work) if submit else ref.call(Stuck.method)))
            await entered.wait()
            ref.kill()
            assert isinstance(await asking, ActorStoppedError)
        assert [letter async for letter in letters] == []


async def test_guarantee_01_a_cast_that_is_killed_or_left_is_one_dead_letter() -> None:
    class Stuck(Actor[Any]):
        async def method(self) -> None:
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Stuck)
        await ref.cast(Stuck.method)
        await ref.cast(Stuck.method)
        await entered.wait()
        ref.kill()
    assert [letter.reason async for letter in letters] == ["interrupted", "stopped"]


async def test_guarantee_01_a_send_to_an_ended_actor_is_an_error_when_awaited() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Recorder, [])
        ref.stop()
        await ref.join()
        refused = await outcome(ref.send("late"))
        assert isinstance(refused, ActorStoppedError)
        assert refused.undelivered == "late"
        assert refused.ref == ref
    assert [letter async for letter in letters] == []


async def test_guarantee_01_a_send_to_an_ended_actor_is_a_dead_letter_when_not_awaited() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Recorder, [])
        ref.stop()
        await ref.join()
        ref.send("late")
    assert [(letter.message, letter.reason) async for letter in letters] == [("late", "unsent")]


async def test_guarantee_01_an_unawaited_send_in_line_is_a_dead_letter_when_the_actor_stops() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send("in hand")
        await valve.entered.wait()
        await ref.send("queued")
        ref.send("in line")
        ref.stop()
        valve.open.set()
    fates = Counter([letter.message async for letter in letters])
    assert fates == {"queued": 1, "in line": 1}
    assert valve.finished == ["in hand"]


async def test_guarantee_01_an_unawaited_send_with_room_is_delivered() -> None:
    seen: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen)
        ref.send("not awaited")
    assert seen == ["not awaited"]


async def test_guarantee_01_a_sender_cancelled_in_line_has_sent_nothing() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        waiting = [started(outcome(ref.send(number))) for number in (2, 3, 4)]
        await ticks(2)
        assert await cancelled(waiting[1])
        valve.open.set()
        await asyncio.wait(waiting)
    assert valve.finished == [0, 1, 2, 4]
    assert [letter async for letter in letters] == []


async def test_guarantee_01_a_sender_cancelled_as_room_is_made_has_sent_nothing() -> None:
    class Canceller(Actor[int]):
        async def receive(self, message: int) -> None:
            seen.append(message)
            await full.wait()
            sender.cancel()  # in the very turn whose end makes room

    seen: list[int] = []
    full = asyncio.Event()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Canceller, mailbox=Mailbox(1))
        await ref.send(0)
        await until(lambda: seen)
        await ref.send(1)
        sender = started(outcome(ref.send(2)))
        await ticks(2)
        full.set()
        await asyncio.wait([sender])
        assert sender.cancelled()
    assert seen == [0, 1]


@pytest.mark.parametrize(
    ("overflow", "kept", "lost"),
    [(Overflow.DROP_NEW, [0, 1, 2], [3, 4]), (Overflow.DROP_OLD, [0, 3, 4], [1, 2])],
)
async def test_guarantee_01_what_a_full_mailbox_drops_is_a_dead_letter(
    overflow: Overflow, kept: list[int], lost: list[int]
) -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(2, overflow=overflow))
        await ref.send(0)
        await valve.entered.wait()
        for number in (1, 2, 3, 4):
            await ref.send(number)
        valve.open.set()
    assert valve.finished == kept
    assert [(letter.message, letter.reason) async for letter in letters] == [(n, "dropped") for n in lost]


@pytest.mark.parametrize("overflow", [Overflow.DROP_NEW, Overflow.DROP_OLD, Overflow.FAIL])
async def test_guarantee_01_an_ask_that_a_full_mailbox_drops_is_an_error(overflow: Overflow) -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1, overflow=overflow))
        await ref.send("in hand")
        await valve.entered.wait()
        asking = [started(outcome(ref.ask(number))) for number in (1, 2)]
        submitted = ref.submit(lambda: 3)
        await ticks(3)
        valve.open.set()
        answers = [await asked for asked in asking] + [await outcome(submitted)]
    dropped = [answer for answer in answers if isinstance(answer, MailboxFullError)]
    assert len(dropped) == 2
    assert len({str(answer) for answer in answers}) == 3
    assert [letter async for letter in letters] == []


async def test_guarantee_01_a_dropped_request_that_nobody_waits_for_is_no_dead_letter() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1, overflow=Overflow.DROP_OLD))
        await ref.send("in hand")
        await valve.entered.wait()
        asking = started(outcome(ref.ask("withdrawn")))
        await ticks(2)
        assert await cancelled(asking)
        await ref.send("new")
        valve.open.set()
    assert valve.finished == ["in hand", "new"]
    assert [letter async for letter in letters] == []


async def test_guarantee_01_a_tick_that_was_dropped_is_a_dead_letter_and_the_next_one_comes() -> None:
    class Ticking(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "start":
                timers.append(self.context.send_every(0.001, "tick"))
                timers.append(self.context.send_after(0.002, "cancelled"))
                await gate.wait()
            seen.append(message)

    timers: list[Timer] = []
    seen: list[str] = []
    gate = asyncio.Event()
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Ticking, mailbox=Mailbox(2, overflow=Overflow.DROP_OLD))
        await ref.send("start")
        await until(lambda: ref.statistics().depth == 2)
        timers[1].cancel()
        await ref.send("one")
        await ref.send("two")
        gate.set()
        await until(lambda: seen.count("tick") >= 2)
        ref.kill()
        await ref.join()
    assert seen[:3] == ["start", "one", "two"]
    dropped = [letter.message async for letter in letters if letter.reason == "dropped"]
    assert dropped == ["tick"]


async def test_guarantee_01_send_nowait_that_finds_no_room_stores_nothing() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        ref.send_nowait(0)
        await valve.entered.wait()
        ref.send_nowait(1)
        with pytest.raises(MailboxFullError) as caught:
            ref.send_nowait(2)
        assert caught.value.undelivered == 2
        valve.open.set()
    assert valve.finished == [0, 1]
    assert [letter async for letter in letters] == []


async def test_guarantee_01_a_message_that_fails_the_actor_is_reported_once_and_never_run_again() -> None:
    seen: list[Any] = []
    bad = ValueError("bad")
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Failing, seen)
        for message in (1, bad, 2):
            await ref.send(message)
    assert seen == [1, 2]
    assert [(failure.message, failure.error) async for failure in failures] == [(bad, bad)]
    assert [letter async for letter in letters] == []


async def test_guarantee_01_the_letters_of_a_stopped_actor_are_what_on_undelivered_saw() -> None:
    class Leaving(Held):
        async def on_undelivered(self, messages: Any, reason: Any) -> None:
            undelivered.extend(messages)

    undelivered: list[Any] = []
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        valve = Valve()
        ref = await system.spawn(Leaving, valve)
        for number in range(4):
            await ref.send(number)
        await valve.entered.wait()
        asking = started(outcome(ref.ask("question")))
        await ticks(2)
        ref.stop()
        valve.open.set()
        await ref.join()
        assert isinstance(await asking, ActorStoppedError)
    assert undelivered == [1, 2, 3]
    assert [letter.message async for letter in letters] == [1, 2, 3]


async def test_guarantee_01_a_priority_that_raises_fails_the_sender_and_not_the_actor() -> None:
    def priority(message: Any) -> int:
        if message == "no":
            raise ValueError("no priority")
        return 0

    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve, mailbox=PriorityMailbox(priority, 1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        in_line = [started(outcome(ref.send(message))) for message in ("no", 2)]
        await ticks(2)
        valve.open.set()
        refused, sent = [await sending for sending in in_line]
        assert isinstance(refused, ValueError)
        assert sent is None
        assert isinstance(await outcome(started(_send(ref, "no"))), ValueError)
        with pytest.raises(ValueError, match="no priority"):
            ref.send_nowait("no")
        await ref.send(3)
    assert valve.finished == [0, 1, 2, 3]


async def _send(ref: ActorRef[Any], message: Any) -> None:
    await ref.send(message)


@pytest.mark.real_loop("a thread")
async def test_guarantee_01_a_message_from_a_thread_to_an_ended_actor_is_a_dead_letter() -> None:
    async with soon(), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        ref = await system.spawn(Recorder, [])
        ref.stop()
        await ref.join()
        await asyncio.to_thread(ref.send_threadsafe, "late")
        await asyncio.get_running_loop().shutdown_default_executor()
    assert [letter.message async for letter in letters] == ["late"]


class Chaotic(Actor[Any]):
    """Does to each message what its number says: at once, over some ticks, or not at all."""

    supervision = Supervision(max_restarts=1_000)

    def __init__(self, finished: list[int]) -> None:
        self.finished = finished

    async def receive(self, message: int) -> int:
        if message % 7 == 3:
            raise ValueError(message)
        await ticks(message % 3)
        self.finished.append(message)
        return message


class Account:
    """What came of each message of a chaotic run."""

    def __init__(self) -> None:
        self.sent = 0
        self.finished: list[int] = []
        self.told: list[int] = []

    async def send(self, ref: ActorRef[Any], number: int) -> None:
        try:
            await ref.send(number)
        except (ActorStoppedError, asyncio.CancelledError):
            self.told.append(number)

    async def ask(self, ref: ActorRef[Any], number: int) -> None:
        try:
            await ref.ask(number)
        except (ActorStoppedError, ValueError):
            self.told.append(number)
        except asyncio.CancelledError:  # running, it goes on unharmed; queued, it is withdrawn
            if number not in self.finished:
                self.told.append(number)

    def not_awaited(self, ref: ActorRef[Any], number: int) -> None:
        ref.send(number)


def chaos(source: random.Random, ref: ActorRef[Any], account: Account) -> list[asyncio.Task[Any]]:
    """Send a few messages in some of the many ways."""
    tasks = []
    for _ in range(source.randrange(1, 5)):
        number, account.sent = account.sent, account.sent + 1
        way: Callable[..., Any] = source.choice([account.send, account.ask, account.not_awaited])
        work = way(ref, number)
        if work is not None:
            tasks.append(started(work))
    return tasks


@pytest.mark.parametrize("end", END)
async def test_guarantee_01_no_order_of_sends_asks_failures_and_ends_loses_or_doubles_a_message(
    end: str,
) -> None:
    for seed in range(40):
        source = random.Random(seed)
        account = Account()
        async with soon(), ActorSystem() as system:
            letters = system.events.subscribe(DeadLetter)
            failures = system.events.subscribe(ActorFailed)
            root = await system.spawn(Root, account.finished)
            ref = await root.call(Root.chaotic)
            tasks = []
            for _ in range(8):
                tasks += chaos(source, ref, account)
                await ticks(source.randrange(4))
            getattr(ref, end)()
            tasks += chaos(source, ref, account)
            await ref.join()
            await asyncio.wait(tasks)
        dead = [letter.message async for letter in letters]
        failed = [failure.message async for failure in failures]
        fates = Counter(account.finished + account.told + dead + failed)
        assert fates == Counter(range(account.sent)), (seed, fates - Counter(range(account.sent)))


class Root(Actor[Any]):
    """A parent that does not mind how often its child fails."""

    supervision = Supervision(max_restarts=1_000)

    def __init__(self, finished: list[int]) -> None:
        self.finished = finished

    async def chaotic(self) -> ActorRef[Chaotic]:
        return await self.context.spawn(Chaotic, self.finished, mailbox=Mailbox(4))


async def test_guarantee_01_a_cancelled_tick_is_not_among_what_was_left() -> None:
    class Leaves(Held):
        async def receive(self, message: Any) -> Any:
            if message == "set a timer":
                timers.append(self.context.send_after(0, "tick"))
            else:
                await super().receive(message)

        async def on_undelivered(self, messages: Any, reason: ExitReason) -> None:
            left.append(messages)

    timers: list[Timer] = []
    left: list[Any] = []
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Leaves, valve)
        await ref.send("set a timer")
        await ref.send("in hand")
        await valve.entered.wait()
        await until(lambda: ref.statistics().depth == 1)
        await ref.send("left")
        timers[0].cancel()
        ref.stop()
        valve.open.set()
    assert left == [["left"]]
