"""What every store does, and what durable actors do on it: one suite for all kinds of store."""

import asyncio
import dataclasses
import datetime
import math
import re
from typing import Any, Generic, TypeVar

import pytest

from actorio import ActorError, ActorSystem
from actorio.errors import (
    AlreadyOpenError,
    NameNotFoundError,
    NotStorableError,
    RecoveryError,
    StoreClosedError,
    StoreError,
)
from actorio.persistence import (
    Done,
    EventSourced,
    MemoryStore,
    RawEvent,
    Recorded,
    SnapshotEvery,
    Store,
    stored,
)
from tests.guarantees.actors import soon
from tests.persistence.actors import (
    Account,
    Balance,
    Cart,
    Deposit,
    Deposited,
    Do,
    Look,
    Noted,
    Point,
    Pruned,
    Snapshotted,
    Stores,
    balance,
    deposit,
    do,
)

E = TypeVar("E")

pytestmark = pytest.mark.real_loop("a database on threads")


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.make()


# -- persist ---------------------------------------------------------------------------------------


async def test_an_account_is_recovered_by_the_next_system(stores: Stores) -> None:
    if not stores.persistent:
        pytest.skip("its content ends with its block")
    assert await deposit(stores.make(), "ada", 1, 2, 3) == 6
    assert await deposit(stores.make(), "ada", 4) == 10
    assert await balance(stores.make(), "bob") == Balance()


async def test_persist_returns_the_reply_after_the_state_has_changed(store: Store) -> None:
    async def both(account: Account) -> Any:
        before = account.state, account.sequence
        reply = await account.persist(
            Deposited(2), Noted("two"), reply=lambda state: (state.cents, state.notes)
        )
        return before, reply, account.state, account.sequence

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        assert await do(ref, both) == ((Balance(), 0), (2, ("two",)), Balance(2, ("two",)), 2)


async def test_a_persist_of_nothing_returns_at_once(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        assert await do(ref, lambda account: account.persist()) is None
        assert await do(ref, lambda account: account.persist(reply=lambda state: state.cents + 7)) == 7
        assert await do(ref, lambda account: account.forget("nothing")) is None
        assert await do(ref, lambda account: account.remind()) is None
        assert store.statistics().groups == 0
        with pytest.raises(NameNotFoundError):
            await store.info("Account/ada")


async def test_a_thousand_events_in_one_persist(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.persist(*(Deposited(one) for one in range(1000))))
        assert await ref.ask(Look()) == sum(range(1000))
        assert store.statistics().groups == 1


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
async def test_pages_of_any_number_of_events_are_recovered_and_read(stores: Stores, count: int) -> None:
    async with soon(), ActorSystem(store=stores.make()) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.persist(*(Deposited(1) for _ in range(count))))
        ref.close()
        await ref.join()
        again = await system.spawn(Account, name="ada")
        assert await again.ask(Look()) == count
        read = [record.sequence async for record in system.store.events(Account)]
        assert read == list(range(1, count + 1))


class Strange:
    """No dataclass."""

    def __repr__(self) -> str:  # no address: the name of a test is the same in each process
        return "Strange()"


@dataclasses.dataclass(eq=False)
class Unequal:
    n: int = 0


@dataclasses.dataclass
class Anything:
    value: Any


@dataclasses.dataclass
class Number:
    value: float


class Hostile(EventSourced[Do, Deposited | Noted | Anything | Number | Unequal, Balance]):
    def initial_state(self) -> Balance:
        return Balance()

    def apply(self, state: Balance, event: Any) -> Balance:
        if isinstance(event, Deposited):
            return Balance(state.cents // event.amount)
        return Balance(state.cents + 1)

    async def receive(self, message: Do) -> Any:
        outcome = message.what(self)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


@pytest.mark.parametrize(
    "event",
    [
        Deposited(0),  # apply divides by it
        Deposited("7"),  # type: ignore[arg-type]
        Deposited(1.5),  # type: ignore[arg-type]
        Noted("\ud800"),
        Noted(None),  # type: ignore[arg-type]
        Number(math.nan),
        Number(math.inf),
        Anything(math.nan),
        Anything({1: 2}),
        Anything((1, 2)),
        Anything(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
        Anything(Strange()),
        Unequal(),
        Strange(),
        None,
        "text",
        Noted,
    ],
    ids=repr,
)
async def test_what_does_not_come_back_equal_is_refused_and_nothing_is_written(
    store: Store, event: Any
) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Hostile, name="x")
        with pytest.raises(NotStorableError) as caught:
            await do(ref, lambda actor: actor.persist(Noted("first"), event))
        assert caught.value.durable_id == "Hostile/x"
        assert isinstance(caught.value, ValueError)
        assert await do(ref, lambda actor: (actor.state, actor.sequence)) == (Balance(), 0)
        assert store.statistics().groups == 0
        assert ref.statistics().restarts == 0


@pytest.mark.parametrize("text", ["", "\0", "\n\t", "ä€𝄞", "'; DROP TABLE events; --", "\u2028", "x" * 1000])
async def test_hostile_texts_come_back(stores: Stores, text: str) -> None:
    async with soon(), ActorSystem(store=stores.make()) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.persist(Noted(text), Deposited(2**70)))
        ref.close()
        await ref.join()
        again = await system.spawn(Account, name="ada")
        assert await do(again, lambda account: account.state) == Balance(2**70, (text,))


async def test_a_body_of_max_event_bytes_is_stored_and_one_byte_more_is_not(stores: Stores) -> None:
    fits = "x" * (100 - len('{"text":""}'))
    async with soon(), ActorSystem(store=stores.make(max_event_bytes=100)) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.persist(Noted(fits)))
        with pytest.raises(NotStorableError, match="101 bytes; max_event_bytes is 100"):
            await do(ref, lambda account: account.persist(Noted(fits + "x")))


@pytest.mark.parametrize("name", ["a", "ä€𝄞", "it's", "a b", "x" * 200, "%_*"])
async def test_hostile_keys_are_ids_like_any_other(store: Store, name: str) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name=name)
        await ref.ask(Deposit(3))
        assert await store.ids() == [f"Account/{name}"]
        assert [one.key async for one in store.events(Account, key=name)] == [name]


async def test_a_key_may_be_another_than_the_name(store: Store) -> None:
    class Keyed(Account):
        kind = "Keyed"

        @property
        def key(self) -> str:
            return "a/b"

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Keyed)
        await ref.ask(Deposit(3))
        assert await do(ref, lambda actor: actor.durable_id) == "Keyed/a/b"
        assert [(one.kind, one.key) async for one in store.events(Keyed)] == [("Keyed", "a/b")]


async def test_what_is_no_kind_and_no_key_is_refused_by_spawn(store: Store) -> None:
    class Wrong(Account):
        kind = "not a kind"

    async with soon(), ActorSystem(store=store) as system:
        with pytest.raises(ValueError, match="kind must have 1 to 64 characters"):
            await system.spawn(Wrong, name="ada")
        with pytest.raises(ValueError, match="spawn Account with a name"):
            await system.spawn(Account)
        with pytest.raises(ValueError, match="key must have 1 to 200"):
            await system.spawn(Account, name="x" * 201)
        assert len(system.snapshot()) == 0


async def test_a_durable_actor_needs_a_store() -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(ActorError, match="has no store"):
            await system.spawn(Account, name="ada")


def test_a_class_that_cannot_work_is_refused_as_it_is_made() -> None:
    with pytest.raises(TypeError, match="must not override on_start"):
        type("A", (Account,), {"on_start": Account.receive})
    with pytest.raises(TypeError, match="must not override run"):
        type("A", (Account,), {"run": Account.receive})

    async def apply(self: Any, state: Any, event: Any) -> Any:
        return state

    with pytest.raises(TypeError, match="apply must be a plain function"):
        type("A", (Account,), {"apply": apply})
    with pytest.raises(TypeError, match="snapshots must be a SnapshotEvery"):
        type("A", (Account,), {"snapshots": 5})

    @stored("deposited")
    @dataclasses.dataclass
    class Other: ...

    @stored("deposited")
    @dataclasses.dataclass
    class Same: ...

    with pytest.raises(TypeError, match="'deposited' is the stored name of two"):

        class Twice(EventSourced[Do, Other | Same, Balance]):
            pass


async def test_the_kind_is_the_class_s_own_name_unless_it_is_set() -> None:
    class Named(Account):
        kind = "named"

    class Child(Named):
        pass

    class Other(Account):
        pass

    assert (Account.kind, Named.kind, Child.kind, Other.kind) == ("Account", "named", "named", "Other")


async def test_an_id_is_open_once(store: Store) -> None:
    async with soon(), store, ActorSystem(store=store) as system, ActorSystem("other", store=store) as other:
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(AlreadyOpenError) as caught:
            await other.spawn(Account, name="ada")
        assert caught.value.durable_id == "Account/ada"
        ref.close()
        await ref.join()
        assert await (await other.spawn(Account, name="ada")).ask(Deposit(1)) == 1


async def test_writes_work_in_a_turn_of_the_actor_alone(store: Store) -> None:
    async def beside(account: Account) -> None:
        await account.context.start_soon(account.persist, Deposited(1))

    async def at_once(account: Account) -> Any:
        first = asyncio.ensure_future(asyncio.sleep(0))
        await first
        task = account.context.start_soon(account.snapshot)
        return await task

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        for wrong in (beside, at_once):
            with pytest.raises(RuntimeError, match="works in a turn"):
                await do(ref, wrong)
        assert await ref.ask(Look()) == 0


async def test_the_reply_function_that_raises_is_answered_with_its_own_exception(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(ZeroDivisionError):
            await do(ref, lambda account: account.persist(Deposited(1), reply=lambda _: 1 // 0))
        assert await ref.ask(Look()) == 0
        assert store.statistics().groups == 0


BAD_ARGUMENTS: list[tuple[type[Exception], dict[str, Any]]] = [
    (ValueError, {"once": ""}),
    (ValueError, {"once": "x" * 129}),
    (ValueError, {"once": "a\nb"}),
    (TypeError, {"once": 7}),
    (TypeError, {"reply": 7}),
    (TypeError, {"forget": "abc"}),
    (TypeError, {"forget": [7]}),
    (TypeError, {"remind": [7]}),
]


@pytest.mark.parametrize(("error", "arguments"), BAD_ARGUMENTS, ids=str)
async def test_bad_arguments_are_refused_at_the_call(
    store: Store, error: type[Exception], arguments: dict[str, Any]
) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(error):
            await do(ref, lambda account: account.persist(Deposited(1), **arguments))
        assert store.statistics().groups == 0


async def test_on_recovered_runs_after_the_recovery_and_may_persist(stores: Stores) -> None:
    class Greeting(Account):
        async def on_recovered(self) -> None:
            await self.persist(Noted(f"recovered at {self.sequence}"))

    async with soon(), ActorSystem(store=stores.make()) as system:
        for _ in range(2):
            ref = await system.spawn(Greeting, "ada")
            ref.close()
            await ref.join()
        ref = await system.spawn(Account, "ada")
        assert await ref.ask(Look()) == 0
        read = [record.event async for record in system.store.events(Greeting)]
        assert read == [Noted("recovered at 0"), Noted("recovered at 1")]


async def test_type_arguments_may_be_written_as_strings_and_through_a_base(store: Store) -> None:
    class Later(EventSourced["Do", "Deposited", "Balance"]):
        def initial_state(self) -> Balance:
            return Balance()

        def apply(self, state: Balance, event: Deposited) -> Balance:
            return Balance(state.cents + event.amount)

        async def receive(self, message: Do) -> Any:
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

    class Middle(EventSourced[Do, E, Balance]):
        def initial_state(self) -> Balance:
            return Balance()

        async def receive(self, message: Do) -> Any:
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

    class Through(Middle[Noted]):
        def apply(self, state: Balance, event: Noted) -> Balance:
            return Balance(state.cents, (*state.notes, event.text))

    async with soon(), ActorSystem(store=store) as system:
        later, through = await system.spawn(Later, name="a"), await system.spawn(Through, name="b")
        await do(later, lambda actor: actor.persist(Deposited(3)))
        await do(through, lambda actor: actor.persist(Noted("x")))
        assert await do(later, lambda actor: actor.state.cents) == 3
        with pytest.raises(NotStorableError, match="none of the events of"):
            await do(through, lambda actor: actor.persist(Deposited(3)))


def test_type_arguments_are_found_behind_a_generic_mixin() -> None:
    class Mixin(Generic[E]):
        """Something else that has a type argument."""

    class Mixed(Mixin, Account):  # type: ignore[type-arg]
        """An account, and that."""

    assert Mixed._stored_types()["event"].what.endswith("Mixed")
    assert not Mixed._stored_types()["event"].is_open


# -- durable state ---------------------------------------------------------------------------------


async def test_a_state_is_saved_over_the_last(stores: Stores) -> None:
    async with soon(), ActorSystem(store=stores.make()) as system:
        ref = await system.spawn(Cart, name="ada")
        assert await do(ref, lambda cart: cart.save(Balance(1))) is None
        assert await do(ref, lambda cart: cart.save(Balance(2), reply=lambda state: state.cents)) == 2
        assert await do(ref, lambda cart: (cart.state, cart.sequence)) == (Balance(2), 2)
        ref.close()
        await ref.join()
        again = await system.spawn(Cart, name="ada")
        assert await do(again, lambda cart: (cart.state, cart.sequence)) == (Balance(2), 2)
        with pytest.raises(NotStorableError):
            await do(again, lambda cart: cart.save("a text"))
        assert [record async for record in system.store.events()] == []
        assert (await system.store.verify()).problems == ()


# -- snapshots -------------------------------------------------------------------------------------


async def test_snapshots_are_kept_and_events_before_them_deleted(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        one, two = await system.spawn(Snapshotted, "x"), await system.spawn(Pruned, "x")
        for amount in range(17):
            await one.ask(Deposit(amount))
            await two.ask(Deposit(amount))
        kept, pruned = await store.info("Snapshotted/x"), await store.info("Pruned/x")
        assert (kept.sequence, kept.events, kept.snapshots) == (17, 17, 2)
        assert (pruned.sequence, pruned.events, pruned.snapshots) == (17, 2, 1)
        for ref in (one, two):
            ref.close()
            await ref.join()
        for kind in (Snapshotted, Pruned):
            assert await (await system.spawn(kind, "x")).ask(Look()) == sum(range(17))
        assert (await store.verify()).problems == ()


async def test_a_snapshot_can_be_written_by_hand(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await do(ref, lambda account: account.snapshot())
        await ref.ask(Deposit(3))
        await do(ref, lambda account: account.snapshot())
        await do(ref, lambda account: account.snapshot())
        assert (await store.info("Account/ada")).snapshots == 1


def test_the_options_of_snapshots_are_checked() -> None:
    wrong: Any
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            SnapshotEvery(wrong)
        with pytest.raises(ValueError, match="at least 1"):
            SnapshotEvery(5, keep=wrong)
    with pytest.raises(TypeError):
        SnapshotEvery("5")  # type: ignore[arg-type]


# -- once ------------------------------------------------------------------------------------------


async def test_what_was_done_under_an_id_is_done_once(stores: Stores) -> None:
    async with soon(), ActorSystem(store=stores.make()) as system:
        ref = await system.spawn(Account, name="ada")
        assert await ref.ask(Deposit(5, once="a")) == 5
        assert await ref.ask(Deposit(5, once="a")) == 5
        assert await do(ref, lambda account: account.done("a")) == Done(1, 5)
        assert await do(ref, lambda account: account.done("b")) is None
        ref.close()
        await ref.join()
        again = await system.spawn(Account, name="ada")
        assert await again.ask(Deposit(5, once="a")) == 5
        assert await again.ask(Look()) == 5


async def test_the_last_ids_are_kept(store: Store) -> None:
    class Forgetful(Account):
        once_kept = 2

    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Forgetful, name="ada")
        for once in "abc":
            await ref.ask(Deposit(1, once=once))
        ref.close()
        await ref.join()
        again = await system.spawn(Forgetful, name="ada")
        assert await do(again, lambda account: [account.done(one) for one in "abc"]) == [
            None,
            Done(2, 2),
            Done(3, 3),
        ]


@pytest.mark.parametrize("reply", [None, True, 7, 1.5, "ä", [1, [2]], {"a": None}], ids=repr)
async def test_a_reply_of_plain_json_is_kept(store: Store, reply: Any) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        for _ in range(2):
            assert await do(ref, lambda account: account.persist(reply=lambda _: reply, once="a")) == reply


@pytest.mark.parametrize("reply", [(1,), {1: 2}, math.nan, math.inf, b"x", {3}, Balance()], ids=repr)
async def test_another_reply_is_not(store: Store, reply: Any) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        with pytest.raises(NotStorableError):
            await do(ref, lambda account: account.persist(Deposited(1), reply=lambda _: reply, once="a"))
        assert await ref.ask(Look()) == 0


# -- reading ---------------------------------------------------------------------------------------


async def test_events_are_read_in_the_order_of_their_commits(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ada, bob = await system.spawn(Account, name="ada"), await system.spawn(Pruned, name="bob")
        await ada.ask(Deposit(1))
        await bob.ask(Deposit(2))
        await do(ada, lambda account: account.persist(Noted("x")))
        records = [record async for record in store.events(Account, Pruned)]
        assert [(one.position, one.durable_id, one.sequence, one.event) for one in records] == [
            (1, "Account/ada", 1, Deposited(1)),
            (2, "Pruned/bob", 1, Deposited(2)),
            (3, "Account/ada", 2, Noted("x")),
        ]
        assert [one.tags for one in records] == [(), (), ("note",)]
        assert records[2].event_id == "Account/ada#2"
        assert records[0].at.tzinfo is not None
        assert [one.position async for one in store.events(Account, tag="note")] == [3]
        assert [one.position async for one in store.events(Account, key="ada", after=1)] == [3]
        assert [one.position async for one in store.events(Pruned)] == [2]
        assert [one.event async for one in store.events()][2] == RawEvent("note", 1, {"text": "x"})
        assert await store.position() == 3


async def test_a_follower_is_given_what_is_written_later(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        seen: list[Recorded[Any]] = []
        async for record in store.events(Account, follow=True):
            seen.append(record)
            if len(seen) == 3:
                break
            await ref.cast(Account.receive, Deposit(1))
        assert [one.sequence for one in seen] == [1, 2, 3]


async def test_what_cannot_be_read_is_refused_at_the_call(store: Store) -> None:
    class Plain: ...

    async with soon(), store:
        wrong: Any = Plain
        for call in (
            lambda: store.events(wrong),
            lambda: store.events(EventSourced),
            lambda: store.events(key="ada"),
            lambda: store.events(Account, Pruned, key="ada"),
            lambda: store.events(Account, key=7),  # type: ignore[arg-type]
            lambda: store.events(Account, tag=7),  # type: ignore[arg-type]
            lambda: store.events(after="x"),  # type: ignore[arg-type]
        ):
            with pytest.raises(TypeError):
                call()
        for call in (lambda: store.events(after=-1), lambda: store.events(tag="")):
            with pytest.raises(ValueError, match="must"):
                call()


# -- looking after it ------------------------------------------------------------------------------


async def test_ids_and_info(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        for name in ("bob", "ada", "Zoe", "ä"):
            await (await system.spawn(Account, name=name)).ask(Deposit(1))
        await (await system.spawn(Pruned, "ada")).ask(Deposit(1))
        assert await store.ids() == ["Account/Zoe", "Account/ada", "Account/bob", "Account/ä", "Pruned/ada"]
        assert await store.ids("Pruned") == ["Pruned/ada"]
        assert await store.ids(after="Account/ada", limit=1) == ["Account/bob"]
        info = await store.info("Account/ada")
        assert (info.sequence, info.events, info.snapshots, info.reminders, info.erased) == (1, 1, 0, 0, None)
        assert info.first == info.last
        with pytest.raises(NameNotFoundError):
            await store.info("Account/nobody")


async def test_an_erased_id_begins_anew_with_the_next_sequence(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Snapshotted, name="ada")
        for _ in range(7):
            await ref.ask(Deposit(1, once=str(_)))
        with pytest.raises(AlreadyOpenError):
            await store.erase("Snapshotted/ada")
        await do(ref, lambda account: account.erase())
        assert (await ref.join()).reason.value == "normal"
        info = await store.info("Snapshotted/ada")
        assert (info.sequence, info.events, info.snapshots, info.first) == (8, 0, 0, None)
        assert info.erased is not None
        assert await store.ids() == []
        again = await system.spawn(Snapshotted, name="ada")
        assert await do(again, lambda account: (account.state, account.sequence)) == (Balance(), 8)
        assert await again.ask(Deposit(1, once="0")) == 1
        assert [one.sequence async for one in store.events(Snapshotted)] == [9]
        again.close()
        await again.join()
        await store.erase("Snapshotted/ada")
        with pytest.raises(NameNotFoundError):
            await store.erase("Account/nobody")
        assert (await store.verify()).problems == ()


async def test_an_id_may_be_erased_twice_at_once(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        assert await ref.ask(Deposit(1)) == 1
        ref.close()
        await ref.join()
        await asyncio.gather(store.erase("Account/ada"), store.erase("Account/ada"))
        assert (await store.info("Account/ada")).sequence == 3
        again = await system.spawn(Account, name="ada")
        assert await again.ask(Deposit(1)) == 1


async def test_what_is_exported_is_imported_as_it_was(stores: Stores, store: Store) -> None:
    target = MemoryStore()
    async with soon(), ActorSystem(store=store) as system, target:
        for kind in (Account, Snapshotted, Pruned):
            ref = await system.spawn(kind, "ada")
            for amount in range(7):
                await ref.ask(Deposit(amount, once=str(amount)))
        cart = await system.spawn(Cart, name="ada")
        await do(cart, lambda actor: actor.save(Balance(7)))
        gone = await system.spawn(Account, name="gone")
        await gone.ask(Deposit(1))
        await do(gone, lambda account: account.persist(Noted("tagged")))
        await do(gone, lambda account: account.erase())
        lines = [line async for line in store.export_lines()]
        await target.import_lines(_lines(lines))
        assert [line async for line in target.export_lines()] == lines
        assert (await target.verify()) == (await store.verify())
        with pytest.raises(StoreError, match="is not empty"):
            await target.import_lines(_lines(lines))
    for kind in (Account, Snapshotted, Pruned):
        assert (await balance(target, "ada", kind)).cents == 21
    assert (await balance(target, "ada", Cart)).cents == 7
    if stores.kind != "memory":
        other = Stores(stores.kind, _fresh(stores), stores.dsn, f"{stores.schema}_fresh").make()
        async with other:
            await other.import_lines(_lines(lines))
            assert [line async for line in other.export_lines()] == lines


def _fresh(stores: Stores) -> Any:
    folder = stores._path.parent / "fresh"
    folder.mkdir()
    return folder


async def _lines(lines: list[str]) -> Any:
    for line in lines:
        yield line


async def test_what_is_no_async_iterable_is_no_export(store: Store) -> None:
    wrong: Any = ["{}"]
    async with soon(), store:
        with pytest.raises(TypeError, match="async iterable of lines, not list"):
            await store.import_lines(wrong)


@pytest.mark.parametrize(
    "wrong", ["", "no json", '{"actorio":"store","format":2,"position":0}', '{"row":"event"}', "[]", "7"]
)
async def test_what_is_no_export_leaves_the_store_empty(store: Store, wrong: str) -> None:
    header = '{"actorio":"store","format":1,"position":0}'
    actor = '{"row":"actor","durable_id":"Account/a","sequence":0,"revision":1}'
    async with soon(), store:
        with pytest.raises(ValueError, match="line"):
            await store.import_lines(_lines([wrong]))
        if wrong:
            with pytest.raises(ValueError, match="line 3"):
                await store.import_lines(_lines([header, actor, wrong]))
        assert await store.ids() == []
        assert await store.position() == 0
        await store.import_lines(_lines([header]))


async def test_a_closed_store_says_so(store: Store) -> None:
    with pytest.raises(StoreClosedError, match="is not open"):
        await store.position()
    async with store:
        assert store.is_open
        assert await store.position() == 0
        with pytest.raises(StoreError, match="open already"):
            await store.open()
    assert not store.is_open
    with pytest.raises(StoreClosedError, match="is not open"):
        store.events()
    await store.close()


async def test_the_store_can_be_compacted(store: Store) -> None:
    async with soon(), ActorSystem(store=store) as system:
        ref = await system.spawn(Account, name="ada")
        await ref.ask(Deposit(1))
        await store.compact()
        assert await ref.ask(Deposit(1)) == 2


# -- versions --------------------------------------------------------------------------------------


async def test_an_old_row_is_brought_up_to_the_version_of_the_code(store: Store) -> None:
    @stored("paid", version=1)
    @dataclasses.dataclass
    class PaidOne:
        amount: int

    @stored("paid in euro", version=3, upcast={1: _with_currency, 2: _in_cents}, aliases=["paid"])
    @dataclasses.dataclass
    class PaidThree:
        cents: int
        currency: str

    class Old(EventSourced[Do, PaidOne, Point]):
        kind = "till"

        def initial_state(self) -> Point:
            return Point(0)

        def apply(self, state: Point, event: PaidOne) -> Point:
            return Point(state.x + event.amount)

        async def receive(self, message: Do) -> Any:
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

    class New(EventSourced[Do, PaidThree, Point]):
        kind = "till"

        def initial_state(self) -> Point:
            return Point(0)

        def apply(self, state: Point, event: PaidThree) -> Point:
            return Point(state.x + event.cents)

        async def receive(self, message: Do) -> Any:
            outcome = message.what(self)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

    async with soon(), ActorSystem(store=store) as system:
        old = await system.spawn(Old, name="one")
        await do(old, lambda actor: actor.persist(PaidOne(2)))
        old.close()
        await old.join()
        new = await system.spawn(New, name="one")
        assert await do(new, lambda actor: actor.state) == Point(200)
        assert [one.event async for one in store.events(New)] == [PaidThree(200, "EUR")]
        await do(new, lambda actor: actor.persist(PaidThree(1, "EUR")))
        new.close()
        await new.join()
        with pytest.raises(RecoveryError) as caught:
            await system.spawn(Old, name="one")
        error = caught.value
        assert (error.durable_id, error.sequence, error.type, error.version) == (
            "till/one",
            2,
            "paid in euro",
            3,
        )
        with pytest.raises(RecoveryError):
            [one async for one in store.events(Old)]
        assert len([one async for one in store.events()]) == 2


def _with_currency(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "currency": "EUR"}


def _in_cents(fields: dict[str, Any]) -> dict[str, Any]:
    return {"cents": fields["amount"] * 100, "currency": fields["currency"]}


def test_a_missing_step_between_versions_is_refused() -> None:
    wrong: Any
    for wrong in ({}, {1: _in_cents}, {1: _in_cents, 2: _in_cents, 3: _in_cents}, {2: _in_cents}):
        with pytest.raises(TypeError, match="one step for each version below 3"):
            stored(version=3, upcast=wrong)
    with pytest.raises(ValueError, match="at least 1"):
        stored(version=0)
    for name in ("", "a\nb"):
        with pytest.raises(ValueError, match=re.escape("1 to 200 printable")):
            stored(name)
