"""Durable actors against a model of lists: whatever is done in whatever order, both say the same."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actorio import ActorSystem
from actorio.errors import ConflictError
from actorio.persistence import MemoryStore, SqliteStore, Store
from actorio.testing import FaultyStore
from tests.persistence.actors import Account, Balance, Deposited, Noted, Pruned, Snapshotted, do

NAMES = st.sampled_from(["ada", "bob"])
KINDS: list[type[Account]] = [Account, Snapshotted, Pruned]
EVENTS = st.lists(
    st.one_of(
        st.integers(-5, 2**70).map(Deposited), st.text(st.characters(codec="utf-8"), max_size=5).map(Noted)
    ),
    max_size=6,
)


class _Server:
    """A system that runs between the rules, on a store that may crash."""

    def __init__(self, inner: Store) -> None:
        self.store = FaultyStore(inner)
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[ActorSystem] = asyncio.get_running_loop().create_future()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def system(self) -> ActorSystem:
        return await self._ready

    async def _serve(self) -> None:
        try:
            async with ActorSystem(store=self.store) as system:
                self._ready.set_result(system)
                await self._stop.wait()
        except BaseExceptionGroup:
            pass  # it gave up after a crash

    async def end(self, *, crash: bool) -> None:
        if crash:
            await self.store.crash()
        self._stop.set()
        await self._task


class DurableModel(RuleBasedStateMachine):
    """One store, one system at a time, and now and then another writer."""

    make: Callable[[Path], Store]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.events: dict[tuple[type[Account], str], list[Any]] = {}
        self.sequences: dict[tuple[type[Account], str], int] = {}
        self.inner = type(self).make(Path(self.folder.name))
        self.run(self.inner.open())
        self.server: _Server = self.run(self._start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _start(self) -> _Server:
        server = _Server(self.inner)
        await server.system()
        return server

    def teardown(self) -> None:
        self.run(self.server.end(crash=False))
        self.run(self.inner.close())
        self.runner.close()
        self.folder.cleanup()

    # -- what is done ------------------------------------------------------------------------------

    @rule(name=NAMES, kind=st.sampled_from(KINDS), events=EVENTS)
    def persist(self, name: str, kind: type[Account], events: list[Any]) -> None:
        self.run(self._do(kind, name, lambda actor: actor.persist(*events)))
        self._note(kind, name, events)

    @rule(name=NAMES, kind=st.sampled_from(KINDS), amount=st.integers(0, 9), once=st.sampled_from("xyz"))
    def persist_once(self, name: str, kind: type[Account], amount: int, once: str) -> None:
        done = self.run(self._do(kind, name, lambda actor: actor.done(once)))
        reply = self.run(
            self._do(
                kind, name, lambda actor: actor.persist(Deposited(amount), once=once, reply=lambda _: amount)
            )
        )
        if done is None:
            assert reply == amount
            self._note(kind, name, [Deposited(amount)])
        else:
            assert reply == done.reply

    @rule(name=NAMES, kind=st.sampled_from(KINDS))
    def snapshot(self, name: str, kind: type[Account]) -> None:
        self.run(self._do(kind, name, lambda actor: actor.snapshot()))

    @rule(name=NAMES, kind=st.sampled_from(KINDS))
    def erase(self, name: str, kind: type[Account]) -> None:
        self.run(self._do(kind, name, lambda actor: actor.erase()))
        self.events[kind, name] = []
        self.sequences[kind, name] = self.sequences.get((kind, name), 0) + 1

    @rule(crash=st.booleans())
    def restart(self, crash: bool) -> None:
        self.run(self.server.end(crash=crash))
        self.server = self.run(self._start())

    @rule(name=NAMES, kind=st.sampled_from(KINDS), events=EVENTS)
    def write_from_elsewhere(self, name: str, kind: type[Account], events: list[Any]) -> None:
        async def write() -> None:
            async with ActorSystem("other", store=FaultyStore(self.inner)) as system:
                ref = await system.spawn(kind, name)
                await do(ref, lambda actor: actor.persist(*events))

        self.run(write())
        self._note(kind, name, events)

    @rule()
    def export_and_import(self) -> None:
        async def copy() -> None:
            lines = [line async for line in self.inner.export_lines()]
            target = MemoryStore()
            async with target:
                await target.import_lines(_each(lines))
                assert [line async for line in target.export_lines()] == lines

        self.run(copy())

    async def _do(self, kind: type[Account], name: str, what: Callable[[Any], Any]) -> Any:
        system = await self.server.system()
        while True:
            ref = await system.get_or_spawn(f"{kind.kind} {name}", kind, name)
            try:
                outcome = await do(ref, what)
            except ConflictError:
                continue
            if self._ends(ref):
                await ref.join()
            return outcome

    def _ends(self, ref: Any) -> bool:
        return bool(ref._cell.must_end())

    def _note(self, kind: type[Account], name: str, events: list[Any]) -> None:
        if events:
            self.events.setdefault((kind, name), []).extend(events)
            self.sequences[kind, name] = self.sequences.get((kind, name), 0) + len(events)

    # -- what holds --------------------------------------------------------------------------------

    @invariant()
    def both_say_the_same(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        async with ActorSystem("auditor", store=FaultyStore(self.inner)) as system:
            for (kind, name), events in self.events.items():
                ref = await system.spawn(kind, name)
                state, sequence = await do(ref, lambda actor: (actor.state, actor.sequence))
                assert state == _fold(events)
                assert sequence == self.sequences[kind, name]
                read = [record.event async for record in self.inner.events(kind, key=name)]
                assert read == (events[len(events) - len(read) :] if kind is Pruned else events)
            assert (await self.inner.verify()).problems == ()


def _fold(events: list[Any]) -> Balance:
    state, account = Balance(), Account()
    for event in events:
        state = account.apply(state, event)
    return state


async def _each(lines: list[str]) -> Any:
    for line in lines:
        yield line


class OnMemory(DurableModel):
    make = staticmethod(lambda folder: MemoryStore())


class OnSqlite(DurableModel):
    make = staticmethod(lambda folder: SqliteStore(folder / "store.db"))


_SETTINGS = settings(
    deadline=None, max_examples=25, stateful_step_count=15, suppress_health_check=[HealthCheck.too_slow]
)
TestOnMemory = OnMemory.TestCase
TestOnMemory.settings = _SETTINGS
TestOnSqlite = OnSqlite.TestCase
TestOnSqlite.settings = _SETTINGS
