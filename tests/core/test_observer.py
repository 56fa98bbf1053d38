"""The seam for boundary events: who is told of what, at which level, from when to when, and at what cost."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context
from typing import Any

import pytest

from actorio import Actor, ActorExit, ActorSystem, DeadLetter, Mailbox
from actorio._core.envelope import ANSWERED, FAILED, Parcel, payload
from actorio._core.observer import EVENTS, Combined, Level, Observer, Observers
from tests.guarantees.actors import outcome

ARRIVALS = {"asked", "queued", "accepted", "handed_over", "put_back"}
TURNS = {"begun", "ended", "begun_beside", "ended_beside", "answered"}


class Recorder(Observer):
    """Writes down each event by its name, with what it is about."""

    def __init__(self, level: Level = "arrivals") -> None:
        self.level = level
        self.seen: list[tuple[str, Any]] = []

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.seen]


def _recording(event: str) -> Any:
    def tell(self: Recorder, *details: Any) -> None:
        self.seen.append((event, details[-1]))

    return tell


for _event in EVENTS:
    setattr(Recorder, _event, _recording(_event))


class Echo(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        if callable(message):
            return message()
        return message


class OwnLoop(Actor[Any]):
    async def run(self) -> None:
        try:
            while True:
                message = await self.recv()
                self.context.reply(message)
        except ActorExit:
            pass


@pytest.mark.parametrize(
    ("level", "left_out"), [("lives", TURNS | ARRIVALS), ("turns", ARRIVALS), ("arrivals", set())]
)
async def test_a_level_has_its_events_and_those_before_it(level: Level, left_out: set[str]) -> None:
    recorder = Recorder(level)
    async with ActorSystem() as system:
        system._runtime.observe(recorder)
        ref = await system.spawn(Echo)
        assert await ref.ask("question") == "question"
        await ref.send("message")
        await ref.submit(int)
    seen = set(recorder.names)
    assert {"spawned", "started", "requested", "decided", "stopped", "ended_for_good", "left"} <= seen
    assert {"begun", "ended", "answered", "asked", "accepted"} - left_out <= seen
    assert not seen & left_out


@pytest.mark.parametrize(("level", "is_fast"), [("lives", True), ("turns", True), ("arrivals", False)])
async def test_only_an_observer_of_arrivals_takes_the_fast_path_of_mailboxes(
    level: Level, is_fast: bool
) -> None:
    recorder = Recorder(level)
    async with ActorSystem() as system:
        before, bystander = await system.spawn(Echo), await system.spawn(Echo)
        assert await before.ask(1) == await bystander.ask(1) == 1
        system._runtime.observe(recorder)
        after = await system.spawn(Echo)
        assert await after.ask(1) == 1
        assert [(ref._mailbox.limit > 0) for ref in (before, after)] == [is_fast, is_fast]
        system._runtime.unobserve(recorder)
        assert [(ref._mailbox.limit > 0) for ref in (before, after, bystander)] == [True] * 3


async def test_nothing_is_told_that_nobody_wants() -> None:
    observers = Observers(lambda: None)
    assert all(getattr(observers, event) is None for event in EVENTS)
    recorder = Recorder("lives")
    observers.add(recorder)
    assert observers.begun is None
    assert observers.accepted is None
    assert not observers.turns
    assert not observers.arrivals
    observers.remove(recorder)
    assert all(getattr(observers, event) is None for event in EVENTS)


async def test_turns_are_told_with_what_lies_in_the_mailbox_and_arrivals_with_a_parcel_for_each() -> None:
    turns, arrivals = Recorder("turns"), Recorder("arrivals")
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        system._runtime.observe(turns)
        Context().run(ref.send_nowait, "plain")
        await ref.ask("sync")
        system._runtime.observe(arrivals)
        Context().run(ref.send_nowait, "twice")
        Context().run(ref.send_nowait, "twice")
        await ref.ask("sync")
    plain, _, first, second, _ = [item for name, item in turns.seen if name == "begun"]
    assert plain == "plain"
    assert type(first) is type(second) is Parcel
    assert first is not second


@pytest.mark.parametrize("kind", [Echo, OwnLoop])
@pytest.mark.parametrize("level", ["turns", "arrivals"])
async def test_ended_has_the_item_of_begun(kind: type[Actor[Any]], level: Level) -> None:
    recorder = Recorder(level)
    async with ActorSystem() as system:
        system._runtime.observe(recorder)
        ref = await system.spawn(kind)
        await ref.send("message")
        await ref.ask("question")
        await ref.submit(int)
        ref.close()
        await ref.join()
    begun = [item for name, item in recorder.seen if name == "begun"]
    ended = [item for name, item in recorder.seen if name == "ended"]
    assert len(begun) == 3
    assert all(one is other for one, other in zip(begun, ended, strict=True))


async def test_several_observe_at_once_in_the_order_in_which_they_came() -> None:
    order: list[str] = []

    class Told(Observer):
        level = "lives"

        def __init__(self, name: str) -> None:
            self.name = name

        def started(self, cell: Any) -> None:
            order.append(self.name)

    async with ActorSystem() as system:
        first, second, third = Told("first"), Combined([Told("second"), Told("with it")]), Told("third")
        for observer in (first, second, third):
            system._runtime.observe(observer)
        await system.spawn(Echo)
        system._runtime.unobserve(second)
        await system.spawn(Echo)
    assert order == ["first", "second", "with it", "third", "first", "third"]


async def test_one_actor_is_observed_alone_and_over_its_restarts() -> None:
    recorder, everything = Recorder("turns"), Recorder("turns")
    async with ActorSystem() as system:
        system._runtime.observe(everything)
        ref, other = await system.spawn(Echo), await system.spawn(Echo)
        system._runtime.observe(recorder, ref._cell)
        await other.ask("to another")
        with pytest.raises(ValueError, match="crash"):
            await ref.ask(ValueError("crash"))
        await ref.send(ValueError("crash"))
        assert await ref.ask("after it") == "after it"
        system._runtime.unobserve(recorder, ref._cell)
        assert ref._cell.observers is other._cell.observers
        await ref.ask("unseen")
    messages = [item.message for name, item in recorder.seen if name == "answered"]
    assert len(messages) == 2
    assert messages[1] == "after it"
    assert "restarted" in recorder.names
    assert everything.names.count("answered") == 4


async def test_observers_come_and_go_in_the_middle_of_a_turn() -> None:
    recorder = Recorder("turns")
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.ask(lambda: system._runtime.observe(recorder, ref._cell))
        await ref.ask("seen")
        await ref.ask(lambda: system._runtime.unobserve(recorder, ref._cell))
        seen = len(recorder.seen)
        await ref.ask("unseen")
        assert len(recorder.seen) == seen
    begun = [item.message for name, item in recorder.seen if name == "begun"]
    assert begun[0] == "seen"
    assert len(begun) == 2


async def test_messages_queued_behind_the_turn_in_which_an_observer_comes_are_seen() -> None:
    recorder = Recorder("turns")
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        ref.send_nowait(lambda: system._runtime.observe(recorder))
        for number in range(20):
            ref.send_nowait(number)
        await ref.ask("sync")
    assert [payload(item) for name, item in recorder.seen if name == "begun"][:20] == list(range(20))


async def test_an_actor_that_never_had_mail_is_observed_as_well() -> None:
    recorder = Recorder("arrivals")
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        system._runtime.observe(recorder)
        await ref.send("first")
        await ref.ask("sync")
    assert recorder.names.count("accepted") == recorder.names.count("begun") == 2


async def test_an_answer_is_told_while_its_asker_is_known_and_with_the_value_of_submitted_work() -> None:
    told: list[Any] = []

    class Answers(Observer):
        level = "turns"

        def answered(self, cell: Any, envelope: Any) -> None:
            asker = getattr(envelope, "asker", None)
            outcome = envelope.value if envelope.state == ANSWERED else envelope.error
            told.append((None if asker is None else asker.path, envelope.state, outcome))

    class Asking(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message.ask("question")

    error = ValueError("no")

    def fail() -> None:
        raise error

    async with ActorSystem() as system:
        system._runtime.observe(Answers())
        echo, asking = await system.spawn(Echo), await system.spawn(Asking, name="asking")
        await asking.ask(echo)
        assert await echo.submit(int, "7") == 7
        with pytest.raises(ValueError, match="no"):
            await echo.submit(fail)
    assert told == [
        ("/asking", ANSWERED, "question"),
        (None, ANSWERED, "question"),
        (None, ANSWERED, 7),
        (None, FAILED, error),
    ]


async def test_an_observer_that_is_not_there_cannot_go() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        with pytest.raises(ValueError, match="not in list"):
            system._runtime.unobserve(Recorder())
        with pytest.raises(ValueError, match="not in list"):
            system._runtime.unobserve(Recorder(), ref._cell)
        with pytest.raises(TypeError, match="observer"):
            system._runtime.observe("nobody")  # type: ignore[arg-type]


async def test_subscribers_and_the_log_are_told_by_the_same_seam(caplog: pytest.LogCaptureFixture) -> None:
    from actorio import ActorFailed, ActorStopped

    async with ActorSystem() as system:
        observers = system._runtime.observers
        assert observers.ended_for_good is None
        async with system.events.subscribe(ActorFailed, ActorStopped) as stream:
            assert observers.ended_for_good is not None
            ref = await system.spawn(Echo)
            await ref.send(ValueError("crash"))
            failed = await anext(stream)
            assert isinstance(failed, ActorFailed)
            assert failed.ref == ref
        assert observers.ended_for_good is None
    assert [record.getMessage() for record in caplog.records if "has failed" in record.getMessage()]


def _raising(event: str) -> Any:
    def tell(self: Raising, *details: Any) -> None:
        self.told.append(event)
        raise asyncio.CancelledError if len(self.told) % 2 else LookupError(event)

    return tell


class Raising(Observer):
    """Raises whatever it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []


for _event in EVENTS:
    setattr(Raising, _event, _raising(_event))


class Fragile(Echo):
    async def on_stop(self, reason: Any) -> None:
        """Be told of as well."""


@pytest.mark.parametrize("kind", [Fragile, OwnLoop])
async def test_guarantee_01_what_an_observer_raises_harms_nobody_and_is_reported_once(
    kind: type[Actor[Any]],
) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    raising, recorder = Raising(), Recorder()
    async with asyncio.timeout(30), ActorSystem() as system:
        letters = system.events.subscribe(DeadLetter)
        for observer in (raising, recorder):
            system._runtime.observe(observer)
        ref = await system.spawn(kind, mailbox=Mailbox(1))
        for number in range(10):
            await ref.send(number)
            assert await ref.ask(number) == number
            assert await ref.submit(int) == 0
        if kind is Fragile:
            await ref.send(LookupError())
            assert await ref.ask("restarted") == "restarted"
            assert ref.statistics().restarts == 1
        ref.close()
        await ref.join()
        assert ref.statistics().handled == 31 if kind is Fragile else 20
        await outcome(ref.send("late"))
        ref.send("late and unawaited")
        gc.collect()
        assert (await anext(letters)).message == "late and unawaited"
    assert raising.told == recorder.names
    told = dict.fromkeys(recorder.names)
    assert sorted(report["message"] for report in reports) == sorted(
        f"the observer Raising of actors has failed, told of {event!r}" for event in told
    )


def test_one_that_never_raises_is_told_without_a_guard_while_it_is_alone() -> None:
    class Careful(Observer):
        never_raises = True

        def begun(self, cell: Any, item: Any) -> None:
            pass

    class Careless(Careful):
        never_raises = False

    careful = Careful()
    assert Combined([careful]).begun == careful.begun
    for others in ([Careless()], [careful, Careful()]):
        assert Combined(others).begun not in [other.begun for other in others]


def test_what_an_observer_raises_where_no_loop_runs_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    observers = Observers(lambda: None)
    observers.add(Raising())
    for _ in range(3):
        observers.left(None)  # type: ignore[misc]
    (record,) = caplog.records
    assert record.getMessage() == "the observer Raising of actors has failed, told of 'left'"
