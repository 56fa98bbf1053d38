"""O16, replay of durable actors: from the state at the turn, without their store."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from actorio import ActorRef, ActorSystem, Supervision
from actorio.capsule import IncompleteCapsuleError, read
from actorio.observability import Recorder
from actorio.persistence import (
    DurableState,
    EventSourced,
    MemoryStore,
    Reminder,
    StoreUnavailableError,
    stored,
)
from actorio.testing import FaultyStore, replay, until


@stored("test.paid")
@dataclass(frozen=True)
class Paid:
    amount: int


@stored("test.balance")
@dataclass(frozen=True)
class Balance:
    total: int = 0
    token: str = "canary"


@stored("test.due")
@dataclass(frozen=True)
class Due:
    amount: int


class Account(EventSourced[Any, Paid, Balance]):
    """Fails when it is told to, or has paid too much."""

    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Paid) -> Balance:
        return Balance(state.total + event.amount)

    async def receive(self, message: Any) -> Any:
        if isinstance(message, int):
            await self.persist(Paid(message), once=f"once-{message}")
            if self.state.total > 100:
                raise ValueError(f"{self.state.total} of {self.durable_id} at {self.sequence}")
        elif message == "done?":
            raise LookupError(repr(self.done("once-7")))
        return self.state.total


class Reminded(EventSourced[Due | int | float, Paid, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Paid) -> Balance:
        return Balance(state.total + event.amount)

    async def receive(self, message: Any) -> Any:
        if isinstance(message, Due):
            await self.persist(Paid(message.amount))
            raise ValueError(f"due {self.state.total} {self.fired.key if self.fired else None}")
        if isinstance(message, float):
            return await self.remind(Reminder.after(message, Due(5), key="rent"))
        return await self.persist(Paid(message))


class Saved(DurableState[Any, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    async def receive(self, message: int) -> None:
        await self.save(Balance(self.state.total + message))
        if self.state.total > 10:
            raise ValueError(f"{self.state.total} at {self.sequence}")


Program = Callable[[ActorSystem, Recorder], Awaitable[Any]]
TYPES = [Account, Reminded, Saved, Balance, Paid, Due]


def record(program: Program, folder: Path, store: Any = None, **options: Any) -> list[dict[str, Any]]:
    async def main() -> list[Path]:
        often = Supervision(max_restarts=60)
        async with ActorSystem(store=store or MemoryStore(), supervision=often) as system:
            async with Recorder(system, folder, **options) as recorder:
                await program(system, recorder)
                await until(lambda: recorder.capsules)
            return recorder.capsules

    return [read(capsule) for capsule in asyncio.run(main())]


async def failing(ref: ActorRef[Any], *messages: Any) -> None:
    for message in messages:
        await ref.send(message)
    await until(lambda: ref.statistics().failed)


def check(content: dict[str, Any], text: str, begins: str = "checkpoint") -> None:
    assert content["begins"] == begins
    assert content["error"]["text"] == text
    again = replay(content, types=TYPES)
    assert (again.reproduced, str(again.error)) == (True, text), (again.error, again.story)


@pytest.mark.parametrize("keep", [1, 3, 64])
def test_o16_a_failed_turn_of_an_event_sourced_actor_happens_again(keep: int, tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        account = await system.spawn(Account, name="ada")
        await failing(account, *range(10, 20))

    content, *_ = record(program, tmp_path, keep=keep)
    check(content, "108 of Account/ada at 8")
    assert content["durable"] == {"id": "Account/ada", "sequence": 8}
    assert "canary" not in next(tmp_path.iterdir()).read_text()


def test_o16_one_that_has_recovered_goes_on_from_what_was_stored(tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        account = await system.spawn(Account, name="ada")
        for amount in (50, 7):
            await account.ask(amount)
        account.stop()
        await account.join()
        again = await system.spawn(Account, name="ada")
        await failing(again, 60)

    check(record(program, tmp_path / "sum")[0], "117 of Account/ada at 3")


def test_o16_once_ids_are_known_again(tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        account = await system.spawn(Account, name="ada")
        for amount in (7, 7, 8, 9, 10, 11):
            await account.ask(amount)
        await failing(account, "done?")

    check(record(program, tmp_path, keep=2)[0], "Done(sequence=1, reply=None)")


def test_o16_a_durable_state_actor_happens_again(tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        await failing(await system.spawn(Saved, name="ada"), 4, 5, 6)

    check(record(program, tmp_path, keep=2)[0], "15 at 3")


@pytest.mark.parametrize("keep", [1, 64])
def test_o16_a_reminder_fires_again(keep: int, tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await system.spawn(Reminded, name="ada")
        await failing(ref, 1, 0.05, 2, 3, 4)

    content, *_ = record(program, tmp_path, keep=keep)
    assert len(content["checkpoint"]["_journal"]["data"]["reminders"]) == (keep == 1)
    check(content, "due 15 rent")
    with pytest.raises(IncompleteCapsuleError, match="Reminded"):
        replay(content, types=[])


def test_o16_a_write_that_has_failed_fails_again(tmp_path: Path) -> None:
    store = FaultyStore(MemoryStore())

    async def program(system: ActorSystem, recorder: Recorder) -> None:
        account = await system.spawn(Account, name="ada")
        await account.ask(1)
        store.fail_next(StoreUnavailableError("away"))
        await failing(account, 2)

    content, *_ = record(program, tmp_path, store)
    assert content["error"]["type"].endswith("StoreUnavailableError")
    assert replay(content, types=TYPES).reproduced


def test_o16_a_failure_of_the_recovery_begins_nowhere(tmp_path: Path) -> None:
    class Breaks(Account):
        told: ClassVar[list[int]] = []

        async def on_recovered(self) -> None:
            if self.sequence == 1 and not self.told:
                self.told.append(1)
                raise LookupError("no")

    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await system.spawn(Breaks, name="ada")
        await ref.send(200)
        await until(lambda: len(recorder.capsules) > 1)

    contents = record(program, tmp_path)
    content = next(one for one in contents if one["error"]["text"] == "no")
    assert content["begins"].startswith("nowhere: it failed before its first message")
    with pytest.raises(IncompleteCapsuleError, match="recovered"):
        replay(content, types=TYPES)
