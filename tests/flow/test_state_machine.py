"""Guarantee 32: state machines."""

import asyncio
import enum
from typing import Any

import pytest

from actorio import (
    ActorError,
    ActorSystem,
    ExitReason,
    Restart,
    StartTimeoutError,
    StateMachine,
    UnhandledMessageError,
    entry,
    state,
)
from actorio.testing import run_in_virtual_time, until
from tests.guarantees.actors import outcome, soon, started
from tests.stage import ticks


class Light(enum.Enum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"


class Lamp(StateMachine[Light, Any]):
    """Green lets through what red postpones."""

    initial_state = Light.RED

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    @state(Light.RED)
    async def red(self, event: Any) -> Light | None:
        match event:
            case "switch":
                return Light.GREEN
            case "twice":
                self.next_event("switch")
                self.next_event("inserted")
            case int():
                self.postpone()
            case "crash":
                raise ValueError(event)
            case "bad":
                self.next_event(-1)
        return None

    @state(Light.GREEN)
    def green(self, event: Any) -> Light | None:
        if event == "switch":
            return Light.RED
        if event == "break":
            return Light.BROKEN
        self.log.append(event)
        self.context.reply(f"passed {event}")
        return Light.GREEN

    @entry(Light.RED, Light.GREEN)
    async def entered(self, before: Light | None) -> None:
        self.log.append((before and before.value, self.current_state.value))


async def test_guarantee_32_an_entry_action_runs_on_each_entry_the_first_too() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, log)
        assert log == [(None, "red")]
        for event in ("switch", "stay", "switch"):
            await lamp.send(event)
    assert log == [(None, "red"), ("red", "green"), "stay", ("green", "red")]


async def test_guarantee_32_postponed_events_come_after_the_change_before_newer_ones() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, log)
        for event in (1, 2, "switch", 3):
            lamp.send(event)
    assert log == [(None, "red"), ("red", "green"), 1, 2, 3]


async def test_guarantee_32_a_postponed_ask_is_answered_by_the_later_state() -> None:
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, [])
        asked = started(lamp.ask(1))
        await ticks(4)
        assert not asked.done()
        assert await lamp.ask("switch") is None
        assert await asked == "passed 1"


async def test_guarantee_32_an_inserted_event_comes_before_all_others() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, log)
        for event in (1, "twice", 2):
            lamp.send(event)
    assert log == [(None, "red"), ("red", "green"), "inserted", 1, 2]


async def test_guarantee_32_an_inserted_event_cannot_be_postponed() -> None:
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, [])
        assert isinstance(await outcome(lamp.ask("bad")), ActorError)


async def test_guarantee_32_a_failing_handler_leaves_the_state_and_a_restart_begins_anew() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, log)
        assert isinstance(await outcome(lamp.ask("crash")), ValueError)
        lamp.send(1)
        await lamp.send("crash")
        await until(lambda: lamp.statistics().restarts)
        await lamp.send("switch")
    assert log == [(None, "red"), (None, "red"), ("red", "green"), 1]


async def test_guarantee_32_a_state_without_a_handler_handles_nothing() -> None:
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp, [])
        await lamp.send("switch")
        await lamp.send("break")
        error = await outcome(lamp.ask("anything"))
        assert isinstance(error, UnhandledMessageError)
        assert "BROKEN" in str(error)


class Timed(StateMachine[str, Any]):
    """States are any hashables."""

    initial_state = "idle"

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    @entry("idle")
    def waits(self, before: str | None) -> None:
        self.state_timeout(5.0, "state timeout")

    @state("idle", "busy")
    def hear(self, event: Any) -> str | None:
        self.heard.append((event, asyncio.get_running_loop().time()))
        if event == "watch":
            self.event_timeout(1.0, "event timeout")
        return {"work": "busy", "rest": "idle"}.get(event)


def test_guarantee_32_timeouts_end_with_the_state_or_at_the_next_event() -> None:
    heard: list[Any] = []

    async def main() -> None:
        async with ActorSystem() as system:
            timed = await system.spawn(Timed, heard)
            for pause, event in (
                (0, "watch"),
                (2, "watch"),
                (0.5, "mail"),
                (2, "work"),
                (7, "rest"),
                (6, "end"),
            ):
                await asyncio.sleep(pause)
                await timed.send(event)

    run_in_virtual_time(main)
    assert heard == [
        ("watch", 0.0),
        ("event timeout", 1.0),
        ("watch", 2.0),
        ("mail", 2.5),
        ("work", 4.5),
        ("rest", 11.5),
        ("state timeout", 16.5),
        ("end", 17.5),
    ]


class Spinning(StateMachine[str, str]):
    """Inserts an event at each event, without ever waiting."""

    initial_state = "spinning"

    def __init__(self, begins: str | None = None) -> None:
        self.begins = begins
        self.events = 0

    @state("spinning")
    async def spin(self, event: str) -> None:
        self.events += 1
        if event == "leave":
            self.context.stop()
        if event == "fail":
            self.context.start_soon(self.fail)
        self.next_event("spin")

    @entry("spinning")
    def begin(self, before: str | None) -> None:
        if self.begins is not None:
            self.next_event(self.begins)

    async def fail(self) -> None:
        raise OSError


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("kill", ExitReason.KILLED),
        ("stop", ExitReason.SHUTDOWN),
        ("leave", ExitReason.NORMAL),
        ("fail", ExitReason.CRASHED),
    ],
)
async def test_guarantee_32_an_endless_chain_of_inserted_events_lets_others_run_and_is_ended(
    end: str, reason: ExitReason
) -> None:
    async with soon(), ActorSystem() as system:
        spinning = await system.spawn(Spinning, restart=Restart.TEMPORARY)
        await spinning.send(end if end in ("leave", "fail") else "spin")
        if end in ("kill", "stop"):
            await ticks(5)
            getattr(spinning, end)()
        assert (await spinning.join()).reason is reason


async def test_guarantee_16_sixty_four_inserted_events_are_handled_in_one_go() -> None:
    async with soon(), ActorSystem() as system:
        machine = await system.spawn(Spinning, restart=Restart.TEMPORARY)
        instance: Any = machine._cell.instance
        seen: set[int] = set()

        def look() -> bool:
            seen.add(instance.events)
            return max(seen) > 200

        machine.send_nowait("spin")
        await until(look)
        machine.kill()
        seen.discard(0)
        assert all(events % 64 == 1 for events in seen), "the first was no inserted one"


async def test_guarantee_8_a_start_that_inserts_events_for_ever_can_be_given_up() -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(StartTimeoutError):
            await system.spawn(Spinning, "spin", start_timeout=0.01)


async def test_a_machine_without_an_initial_state_does_not_start() -> None:
    class Nowhere(StateMachine[str, Any]):
        pass

    async with soon(), ActorSystem() as system:
        with pytest.raises(TypeError, match="Nowhere has no initial_state"):
            await system.spawn(Nowhere)


@pytest.mark.parametrize("mark", [state, entry])
def test_none_is_no_state(mark: Any) -> None:
    with pytest.raises(TypeError, match="takes no None"):
        mark("on", None)


def test_two_handlers_for_one_state_are_refused_and_a_subclass_has_its_own() -> None:
    with pytest.raises(TypeError, match="both one and two"):

        class Ambiguous(StateMachine[str, Any]):
            @state("on")
            def one(self, event: Any) -> None: ...

            @state("on")
            def two(self, event: Any) -> None: ...

    class Louder(Timed):
        @state("busy")
        def shout(self, event: Any) -> None:
            self.heard.append(f"{event}!")

    assert Louder._handlers == {"idle": "hear", "busy": "shout"}
    with pytest.raises(TypeError, match="at least one"):
        state()


class Half(StateMachine[str, Any]):
    """Its entry into `b` fails as long as it is told to."""

    initial_state = "a"

    def __init__(self, log: list[Any]) -> None:
        self.log = log
        self.fails = True

    @state("a")
    async def in_a(self, event: Any) -> str | None:
        self.log.append(("a", event))
        match event:
            case "later" | "then":
                self.postpone()
            case "wait":
                self.state_timeout(1.0, "time is up")
            case "go":
                self.next_event("inserted")
                return "b"
            case "mend":
                self.fails = False
        return None

    @entry("b")
    async def enter_b(self, before: str | None) -> None:
        self.state_timeout(0.5, "of b")
        if self.fails:
            raise ValueError("entry")

    @state("b")
    async def in_b(self, event: Any) -> None:
        self.log.append(("b", event))
        if event == "fail":
            raise ValueError(event)

    async def where(self) -> str:
        return self.current_state


def test_guarantee_32_an_entry_action_that_fails_leaves_the_state_its_timeout_and_what_it_postponed() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Half, log)
            await ref.send("wait")
            await ref.send("later")
            with pytest.raises(ValueError, match="entry"):
                await ref.ask("go")
            assert await ref.call(Half.where) == "a"
            await asyncio.sleep(2.0)
            await ref.send("mend")
            await ref.ask("go")
            assert await ref.call(Half.where) == "b"
            await asyncio.sleep(2.0)

    log: list[Any] = []
    run_in_virtual_time(main)
    assert log == [
        ("a", "wait"),
        ("a", "later"),
        ("a", "go"),
        ("a", "time is up"),
        ("a", "mend"),
        ("a", "go"),
        ("b", "inserted"),
        ("b", "later"),
        ("b", "of b"),
    ]


async def test_guarantee_32_what_a_failed_turn_has_inserted_is_forgotten_and_the_state_it_reached_goes_on() -> (
    None
):
    class Chain(Half):
        @state("a")
        async def in_a(self, event: Any) -> str | None:
            if event == "go":
                self.next_event("fail")
                self.next_event("never")
                return "b"
            return await super().in_a(event)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Chain, log)
        await ref.send("mend")
        await ref.send("later")
        with pytest.raises(ValueError, match="fail"):
            await ref.ask("go")
        await ref.ask("now")
    assert log == [("a", "mend"), ("a", "later"), ("b", "fail"), ("b", "later"), ("b", "now")]


def test_guarantee_32_an_inserted_event_ends_the_event_timeout() -> None:
    class Timed(StateMachine[str, Any]):
        initial_state = "a"

        @state("a")
        async def in_a(self, event: Any) -> None:
            log.append(event)
            if event == "go":
                self.event_timeout(0.5, "timeout")
                self.next_event("inserted")
            if event == "again":
                self.next_event("sets it")
            if event == "sets it":
                self.event_timeout(0.5, "timeout")

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Timed)
            await ref.send("go")
            await asyncio.sleep(1.0)
            await ref.send("again")
            await asyncio.sleep(1.0)

    log: list[Any] = []
    run_in_virtual_time(main)
    assert log == ["go", "inserted", "again", "sets it", "timeout"]


async def test_events_are_inserted_and_postponed_by_handlers_of_events_alone() -> None:
    """In a call there is no event that they would come after."""

    class Lamp(StateMachine[str, str]):
        initial_state = "off"

        async def on_start(self) -> None:
            self.next_event("first")
            await super().on_start()

        @state("off")
        def off(self, event: str) -> None:
            seen.append(event)

        def insert(self) -> None:
            self.next_event("inserted")

        def put_off(self) -> None:
            self.postpone()

    seen: list[str] = []
    async with soon(), ActorSystem() as system:
        lamp = await system.spawn(Lamp)
        with pytest.raises(ActorError, match="next_event is for the handler of an event"):
            await lamp.call(Lamp.insert)
        with pytest.raises(ActorError, match="postpone is for the handler of an event"):
            await lamp.call(Lamp.put_off)
        await lamp.ask("second")
    assert seen == ["first", "second"]
