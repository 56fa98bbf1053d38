"""What no store can keep, or is not there once, is refused by all of them, at the call and in the same words."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from actorio import ActorSystem
from actorio.errors import NameNotFoundError
from actorio.persistence import MemoryStore, Projection, Recorded, Store, stored
from tests.guarantees.actors import soon
from tests.persistence.actors import (
    Account,
    Deposit,
    Deposited,
    Noted,
    Snapshotted,
    Stores,
    balance,
    do,
    reminder,
)

pytestmark = pytest.mark.real_loop("a database on threads")

HOSTILE = ["Account/\0", "Account/\ud800", "x" * 266, "Account/" + "x" * 100_000]


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.make()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:10]!r} {len(text)}")
async def test_a_text_that_no_store_can_keep_is_refused(store: Store, text: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: store.info(text),
        lambda: store.erase(text),
        lambda: store.ids(text),
        lambda: store.ids(after=text),
        lambda: store.reset(text),
        lambda: store.drop(text),
        lambda: _first(store.events(Account, key=text)),
        lambda: _first(store.events(tag=text)),
    ]
    async with soon(), ActorSystem(store=store) as system:
        for call in calls:
            with pytest.raises(ValueError, match="must have"):
                await call()
        with pytest.raises(ValueError, match="key must have"):
            await system.spawn(Account, text)
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(ValueError, match="must have"):
            await do(ref, lambda account: account.persist(Deposited(1), once=text))
        with pytest.raises(ValueError, match="must have"):
            await do(ref, lambda account: account.remind(reminder(10, key=text)))
        assert await ref.ask(Deposit(1)) == 1


async def _first(events: AsyncIterator[Any]) -> Any:
    return await anext(events)


@pytest.mark.parametrize("number", [2**63, 2**64, 2**200])
async def test_a_number_that_no_store_can_count_is_refused(store: Store, number: int) -> None:
    async with soon(), store:
        with pytest.raises(ValueError, match="after must be at most"):
            store.events(after=number)
        with pytest.raises(ValueError, match="limit must be at most"):
            await store.ids(limit=number)
        assert [one async for one in store.events(after=2**63 - 1)] == []
        assert await store.ids(limit=2**63 - 1) == []
        with pytest.raises(NameNotFoundError):
            await store.info("x" * 265)


def test_a_version_that_no_store_can_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="version must be at most"):
        stored(version=2**31)


async def test_two_classes_of_one_kind_are_refused(store: Store) -> None:
    class Other(Account):
        kind = "Account"

    class Both(Projection[Deposited | Noted]):
        source = (Account, Other)

        async def handle(self, record: Recorded[Deposited | Noted]) -> None: ...

    async with soon(), ActorSystem(store=store) as system:
        with pytest.raises(TypeError, match=r"Account and .*Other are both of kind 'Account'"):
            store.events(Account, Other)
        with pytest.raises(TypeError, match="both of kind"):
            await system.spawn(Both)
        assert [one async for one in store.events(Account, Account)] == []


# -- imports ---------------------------------------------------------------------------------------


async def _lines(lines: list[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


class Watching(Projection[Deposited | Noted]):
    source = Snapshotted

    async def handle(self, record: Recorded[Deposited | Noted]) -> None: ...


async def _exported(store: Store) -> list[str]:
    """A store with a row of each sort."""
    async with ActorSystem(store=store) as system:
        ref = await system.spawn(Snapshotted, name="ada")
        for number in range(5):
            await ref.ask(Deposit(1, once=str(number)))
        await do(ref, lambda actor: actor.remind(reminder(3600)))
        await system.spawn(Watching)
        return [line async for line in store.export_lines()]


async def test_a_line_that_is_there_twice_is_refused_and_leaves_the_store_empty(
    stores: Stores, store: Store
) -> None:
    async with soon():
        lines = await _exported(MemoryStore())
        names = {json.loads(line).get("row"): line for line in lines[1:]}
        assert set(names) == {"actor", "event", "snapshot", "once", "reminder", "offset"}
        async with store:
            for line in names.values():
                with pytest.raises(ValueError, match="is there twice"):
                    await store.import_lines(_lines([*lines, line]))
                assert await store.ids() == []
                assert await store.position() == 0
            await store.import_lines(_lines(lines))
            assert [line async for line in store.export_lines()] == lines
    if stores.persistent:
        assert (await balance(stores.make(), "ada", Snapshotted)).cents == 5


HEADER = '{"actorio":"store","format":1,"position":0}'
ACTOR = {"row": "actor", "durable_id": "Account/a", "sequence": 1, "revision": 1}
EVENT = {
    "row": "event",
    "durable_id": "Account/a",
    "sequence": 1,
    "type": "note",
    "version": 1,
    "at": 0.0,
    "crc": 0,
    "body": "{}",
    "tags": [],
    "position": 1,
}


@pytest.mark.parametrize(
    "changed",
    [
        {"durable_id": "Account/\0"},
        {"durable_id": "x" * 266},
        {"durable_id": "Account/nobody"},
        {"sequence": 2**63},
        {"position": 2**64},
        {"position": -1},
        {"version": 2**31},
        {"crc": 2**70},
        {"body": "\0"},
        {"tags": ["\0"]},
        {"type": "\0"},
    ],
    ids=lambda changed: f"{changed!r:.30}",
)
async def test_a_row_that_not_every_store_can_keep_is_refused(store: Store, changed: dict[str, Any]) -> None:
    lines = [HEADER, json.dumps(ACTOR), json.dumps({**EVENT, **changed})]
    async with soon(), store:
        with pytest.raises(ValueError, match="line"):
            await store.import_lines(_lines(lines))
        assert await store.ids() == []
        await store.import_lines(_lines([HEADER, json.dumps(ACTOR), json.dumps(EVENT)]))
        assert await store.position() == 1
