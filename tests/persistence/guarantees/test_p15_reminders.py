"""P15: reminders are never early and never lost, and seen exactly once by what is persisted."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest

from actorio import ActorSystem, DeadLetter
from actorio.errors import ActorStoppedError, NotStorableError, StoreUnavailableError
from actorio.persistence import EventSourced, Fired, MemoryStore, Reminder, activate
from actorio.persistence._clock import now
from actorio.testing import FaultyStore
from tests.persistence.actors import Account, Balance, Deposited, Do, Noted, Tick, do, reminder


class Clerk(Account):
    """Notes each firing outside, and in its events."""

    def __init__(self, seen: list[Any], handle: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.seen, self.handle = seen, handle

    async def ticked(self, message: Tick, fired: Fired | None) -> None:
        assert fired is not None
        self.seen.append((now(), fired))
        if self.handle is None:
            await self.persist(Noted(message.text))
        else:
            await self.handle(self)


async def test_p15_a_reminder_fires_when_it_is_due_and_once(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        begin = now()
        await do(ref, lambda actor: actor.remind(reminder(10, "x")))
        await asyncio.sleep(9.9)
        assert seen == []
        await asyncio.sleep(100)
        ((time, fired),) = seen
        assert begin + 10 <= time < begin + 10.1
        assert (fired.key, fired.missed, fired.attempt) == ("key", 0, 1)
        assert fired.due.timestamp() == pytest.approx(begin + 10)
        assert await do(ref, lambda actor: (actor.state, actor.fired)) == (Balance(0, ("x",)), None)
        assert (await store.info("Clerk/ada")).reminders == 0


async def test_p15_what_is_due_while_nobody_runs_fires_when_somebody_does(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.persist(Deposited(1), remind=[reminder(10)]))
    await asyncio.sleep(1000)
    async with ActorSystem(store=store) as system:
        await system.spawn(Clerk, seen, name="ada")
        await asyncio.sleep(1)
    assert len(seen) == 1


async def test_p15_every_keeps_its_grid_and_counts_what_has_passed(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        begin = now()
        await do(ref, lambda actor: actor.remind(Reminder.every(10, Tick(), key="k")))
        await asyncio.sleep(25)
    await asyncio.sleep(50)  # 30, 40, 50, 60 and 70 pass
    async with ActorSystem(store=store) as system:
        await system.spawn(Clerk, seen, name="ada")
        await asyncio.sleep(10)
    due = [(round(fired.due.timestamp() - begin), fired.missed) for _, fired in seen]
    assert due == [(10, 0), (20, 0), (70, 4), (80, 0)]


async def test_p15_a_reminder_that_is_replaced_or_forgotten_is_never_seen(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10, "old", "a"), reminder(10, "gone", "b")))

        async def late(actor: Clerk) -> None:
            await asyncio.sleep(20)  # both are due, and in line, by now
            await actor.persist(remind=[reminder(10, "new", "a")], forget=["b", "unknown"])

        await do(ref, late)
        await asyncio.sleep(100)
        assert await do(ref, lambda actor: actor.state.notes) == ("new",)


async def test_p15_the_first_write_of_its_turn_moves_it_on_with_it(virtual_time: Any) -> None:
    inner, seen = MemoryStore(), []
    store = FaultyStore(inner)

    async def write_and_fail(actor: Clerk) -> None:
        await actor.persist(Noted("once"))
        raise ZeroDivisionError

    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, write_and_fail, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10)))
        await asyncio.sleep(100)
        assert await do(ref, lambda actor: actor.state.notes) == ("once",)
        assert ref.statistics().restarts == 1
    assert len(seen) == 1


async def test_p15_a_turn_that_writes_nothing_moves_it_on_afterwards(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []

    async def nothing(actor: Clerk) -> None:
        assert (await actor.context.system.store.info("Clerk/ada")).reminders == 1

    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, nothing, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10)))
        await asyncio.sleep(100)
        assert len(seen) == 1
        assert (await store.info("Clerk/ada")).reminders == 0


async def test_p15_a_handler_that_raises_is_tried_again_and_parked_after_five_times(
    virtual_time: Any,
) -> None:
    store, seen = MemoryStore(), []

    async def fail(actor: Clerk) -> None:
        raise ZeroDivisionError

    async with ActorSystem(store=store) as system, system.events.subscribe(DeadLetter) as letters:
        ref = await system.spawn(Clerk, seen, fail, name="ada")
        begin = now()
        await do(ref, lambda actor: actor.remind(reminder(10)))
        await asyncio.sleep(100)
        times = [(round(time - begin), fired.attempt) for time, fired in seen]
        assert times == [(10, 1), (11, 2), (13, 3), (17, 4), (25, 5)]
        letter = await anext(letters)
        assert (letter.message, letter.reason) == (Tick(), "reminder")
        assert (await store.info("Clerk/ada")).reminders == 1
        await do(ref, lambda actor: actor.remind(reminder(1)))
        await asyncio.sleep(1.5)
        assert seen[-1][1].attempt == 1


async def test_p15_attempts_are_counted_over_processes(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []

    async def fail(actor: Clerk) -> None:
        raise ZeroDivisionError

    for _ in range(3):
        async with ActorSystem(store=store) as system:
            ref = await system.spawn(Clerk, seen, fail, name="ada")
            if not seen:
                await do(ref, lambda actor: actor.remind(reminder(1)))
                await asyncio.sleep(1.5)
            else:
                await asyncio.sleep(3)
    assert [fired.attempt for _, fired in seen] == [1, 2, 3, 4][: len(seen)]
    assert len(seen) >= 3


async def test_p15_a_store_that_is_away_delays_it_and_loses_nothing(virtual_time: Any) -> None:
    store, seen = FaultyStore(MemoryStore()), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10)))
        store.fail_next(StoreUnavailableError)
        await asyncio.sleep(100)
        assert await do(ref, lambda actor: actor.state.notes) == ("tick",)
        assert [fired.attempt for _, fired in seen] == [1, 2]


async def test_p15_an_activated_class_is_started_when_a_reminder_is_due(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        begin = now()
        await do(ref, lambda actor: actor.remind(reminder(10)))
    async with ActorSystem(store=store) as system:
        activate(system, Clerk, lambda key: system.spawn(Clerk, seen, name=key))
        await asyncio.sleep(9.9)
        assert len(system.snapshot()) == 0
        await asyncio.sleep(1)
        ((time, _),) = seen
        assert begin + 10 <= time < begin + 10.1
        assert (await store.info("Clerk/ada")).reminders == 0


@pytest.mark.parametrize("delay", [2, 4.9, 5, 5.1, 9, 60])
async def test_p15_one_that_ends_before_its_reminder_is_started_again(
    virtual_time: Any, delay: float
) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        activate(system, Clerk, lambda key: system.spawn(Clerk, seen, name=key))
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(delay)))
        ref.kill()
        await ref.join()
        await asyncio.sleep(delay - 1)
        assert seen == []
        await asyncio.sleep(1.1)
        assert len(seen) == 1


async def test_p15_ids_that_cannot_be_started_keep_no_other_waiting(virtual_time: Any) -> None:
    store, seen = MemoryStore(), []
    async with ActorSystem(store=store) as system:
        for number in range(301):
            ref = await system.spawn(Clerk, seen, name=f"a{number}")
            await do(ref, lambda actor: actor.remind(reminder(10)))
    async with ActorSystem(store=store) as system:

        async def start(key: str) -> None:
            if key != "a300":
                raise ActorStoppedError(None, None, "one that this needs has ended")
            await system.spawn(Clerk, seen, name=key)

        activate(system, Clerk, start)
        await asyncio.sleep(11)
        assert len(seen) == 1


async def test_p15_an_id_that_cannot_be_started_is_tried_again(virtual_time: Any) -> None:
    store, seen, tries = MemoryStore(), [], []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10)))
    async with ActorSystem(store=store) as system:

        async def start(key: str) -> None:
            tries.append(key)
            if len(tries) < 3:
                raise ActorStoppedError(None, None, "one that this needs has ended")
            await system.spawn(Clerk, seen, name=key)

        activate(system, Clerk, start)
        await asyncio.sleep(60)
        assert (len(tries), len(seen)) == (3, 1)


async def test_p15_the_last_to_be_activated_starts_it(virtual_time: Any) -> None:
    store, seen, started = MemoryStore(), [], []
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Clerk, seen, name="ada")
        await do(ref, lambda actor: actor.remind(reminder(10)))
    async with ActorSystem(store=store) as system:

        async def note(by: str) -> None:
            started.append(by)

        activate(system, Clerk, lambda _: note("first"))
        activate(system, Clerk, lambda _: note("second"))
        await asyncio.sleep(30)
        assert set(started) == {"second"}


async def test_p15_a_message_that_was_not_set_does_not_take_the_place_of_the_one_that_is(
    virtual_time: Any,
) -> None:
    async def replace(actor: Any) -> None:
        other = Reminder.every(10, Tick("other"), key="k")
        with pytest.raises(NotStorableError):
            await actor.remind(other, Reminder.after(1, "a str", key="x"))

    texts: list[str] = []

    class Reader(Clerk):
        async def ticked(self, message: Tick, fired: Fired | None) -> None:
            texts.append(message.text)
            await super().ticked(message, fired)

    async with ActorSystem(store=MemoryStore()) as system:
        ref = await system.spawn(Reader, [], replace, name="ada")
        await do(ref, lambda actor: actor.remind(Reminder.every(10, Tick("one"), key="k")))
        await asyncio.sleep(35)
        assert texts == ["one", "one", "one"]


async def test_p15_the_clock_may_be_set_back_and_it_is_not_early(
    virtual_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    virtual, shift = time.time, [0.0]
    store, seen = MemoryStore(), []
    # Undone here: `monkeypatch` itself ends after `virtual_time`, and would put the virtual clock back for good.
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: virtual() + shift[0])
        async with ActorSystem(store=store) as system:
            ref = await system.spawn(Clerk, seen, name="ada")
            await do(ref, lambda actor: actor.remind(reminder(10)))
            await asyncio.sleep(8)
            shift[0] = -100.0
            await asyncio.sleep(50)
            assert seen == []
            shift[0] = 0.0
            await asyncio.sleep(5)
            assert len(seen) == 1


async def test_p15_one_in_line_whose_clock_was_set_back_is_not_early(
    virtual_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    virtual, shift = time.time, [0.0]
    store, seen = MemoryStore(), []

    async def busy(actor: Clerk) -> None:
        await asyncio.sleep(12)  # it is due, and in line, by now
        shift[0] = -8.0

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: virtual() + shift[0])
        async with ActorSystem(store=store) as system:
            ref = await system.spawn(Clerk, seen, name="ada")
            await do(ref, lambda actor: actor.remind(reminder(10)))
            due = time.time() + 10
            await do(ref, busy)
            await asyncio.sleep(20)
            assert len(seen) == 1
            assert seen[0][0] >= due - 0.001


async def test_p15_a_message_that_cannot_be_stored_is_refused() -> None:
    class Anyone(EventSourced[Any, Deposited, Balance]):
        def initial_state(self) -> Balance:
            return Balance()

        async def receive(self, message: Any) -> Any:
            return await message.what(self)

    async with ActorSystem(store=MemoryStore()) as system:
        ref = await system.spawn(Account, name="ada")
        for wrong in (Do(print), Noted("no command"), "text"):
            late = Reminder.after(1, wrong, key="k")
            with pytest.raises(NotStorableError):
                await ref.submit(_remind, ref, late)
        other = await system.spawn(Anyone, name="bob")
        with pytest.raises(NotStorableError, match="of any class"):
            await do(other, lambda actor: actor.remind(reminder()))


async def _remind(ref: Any, reminder: Reminder) -> None:
    await ref._cell.instance.remind(reminder)


def test_p15_bad_reminders_are_refused_as_they_are_made() -> None:
    aware = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert Reminder.at(aware, Tick(), key="k").due == aware.timestamp()
    wrong: Any
    for wrong in (0, 0.5, -1, float("nan")):
        with pytest.raises(ValueError, match="interval must be"):
            Reminder.every(wrong, Tick(), key="k")
    for wrong in ("", "a\nb", "x" * 201):
        with pytest.raises(ValueError, match="key must have"):
            Reminder.after(1, Tick(), key=wrong)
    with pytest.raises(ValueError, match="aware"):
        Reminder.at(datetime.datetime(2026, 1, 1), Tick(), key="k")
    for wrong in ("soon", None):
        with pytest.raises(TypeError):
            Reminder.after(wrong, Tick(), key="k")
        with pytest.raises(TypeError):
            Reminder.at(wrong, Tick(), key="k")
