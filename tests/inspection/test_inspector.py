"""Looking into one actor: what `system.inspect` says, and how its state is replaced."""

import asyncio
import dataclasses
import threading
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadlockError,
    Mailbox,
    NameNotFoundError,
    Overflow,
    Restart,
    WrongThreadError,
)
from actorio.inspection import Letter
from tests.inspection.gates import Gate, Login, Slotted, settle, spawned

# -- who is looked into ----------------------------------------------------------------------------


async def test_inspect_takes_a_ref_a_path_or_a_name() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Gate, name="gate")
        assert [system.inspect(one).ref for one in (ref, "/gate", "gate")] == [ref] * 3
        with pytest.raises(NameNotFoundError):
            system.inspect("/nobody")
        with pytest.raises(TypeError):
            system.inspect(7)  # type: ignore[arg-type]
        async with ActorSystem() as other:
            with pytest.raises(ValueError, match="another"):
                other.inspect(ref)


async def test_each_method_refuses_an_actor_that_has_ended_and_another_thread() -> None:
    async with ActorSystem() as system:
        ref, _, inspector = await spawned(system)
        plain = [
            inspector.info,
            inspector.state,
            inspector.peek,
            inspector.stack,
            inspector.waits_for,
            inspector.resume,
        ]
        refused: list[BaseException] = []

        def elsewhere() -> None:
            for method in plain:
                try:
                    method()
                except WrongThreadError as error:
                    refused.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert len(refused) == len(plain)
        ref.stop()
        await ref.join()
        for method in plain:
            with pytest.raises(ActorStoppedError):
                method()
        for waiting in (inspector.suspend(), inspector.replace_state(dict)):
            with pytest.raises(ActorStoppedError):
                await waiting


# -- what is seen ----------------------------------------------------------------------------------


async def test_o10_a_group_is_shown_without_its_own_code() -> None:
    class Room:
        def __init__(self) -> None:
            self.token = "canary"

        def __str__(self) -> str:
            raise AssertionError("asked")

    async with ActorSystem() as system:
        ref = await system.spawn(Gate)
        system.groups.join(Room(), ref)
        [group] = system.inspect(ref).info().groups
        assert group.endswith("Room(token=<redacted>)")


async def test_info_holds_all_figures_of_the_actor() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(
            system, name="gate", mailbox=Mailbox(5, overflow=Overflow.FAIL), restart=Restart.PERMANENT
        )
        watcher = await system.spawn(Gate, name="watcher")
        watcher._cell.watch(ref._cell)
        ref._cell.link(watcher._cell)
        system.register("front", ref)
        system.groups.join("gates", ref)
        await ref.ask("first")
        waiting = ref.ask("wait")
        task = asyncio.ensure_future(waiting)
        await gate.entered.wait()
        await ref.send("queued")
        info = inspector.info()
        assert (info.path, info.cls, info.state) == ("/gate", "tests.inspection.gates.Gate", "running")
        assert (info.in_turn, info.in_hand, info.turn_seconds) == (True, Letter("ask", "str", None), None)
        assert (info.depth, info.capacity, info.overflow, info.senders_waiting) == (1, 5, "fail", 0)
        assert (info.handled, info.failed, info.restarts, info.incarnation) == (1, 0, 0, 0)
        assert (info.restart, info.strategy, info.parent, info.children) == ("permanent", None, None, 0)
        assert (info.watchers, info.watching, info.links) == (["/watcher"], [], ["/watcher"])
        assert (info.aliases, info.groups, info.timers, info.tasks) == (["front"], ["gates"], 0, 0)
        assert (info.suspended, info.waits_for) == (False, [])
        gate.open.set()
        await task
        await settle()
        assert not inspector.info().in_turn
        with pytest.raises(dataclasses.FrozenInstanceError):
            info.depth = 3  # type: ignore[misc]


async def test_peek_names_each_kind_of_letter_and_shows_contents_only_when_asked() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await gate.entered.wait()
        await ref.send(Login("anna", "swordfish"))
        answers = [asyncio.ensure_future(ref.ask(1)), asyncio.ensure_future(ref.call(Gate.method, 2))]
        await settle()
        await ref.cast(Gate.method, 3)
        result = ref.submit(len, "four")
        gate.context.send_after(0, "tick")
        await asyncio.sleep(0.01)
        letters = inspector.peek()
        assert [(letter.kind, letter.type) for letter in letters] == [
            ("send", "Login"),
            ("ask", "int"),
            ("call", "Gate.method"),
            ("cast", "Gate.method"),
            ("submit", "len"),
            ("tick", "str"),
        ]
        assert {letter.text for letter in letters} == {None}
        texts = [letter.text for letter in inspector.peek(values=True)]
        assert texts[:3] == ["Login(user='anna', password=<redacted>)", "1", "Gate.method(2)"]
        assert len(inspector.peek(2)) == 2
        gate.open.set()
        await result
        for answer in answers:
            await answer


async def test_waits_for_is_the_chain_to_its_end() -> None:
    class Asker(Actor[Any]):
        async def receive(self, message: list[ActorRef[Any]]) -> Any:
            return await message[0].ask(message[1:] or "wait")

    async with ActorSystem() as system:
        gate, instance, _ = await spawned(system, name="gate")
        one: Any = await system.spawn(Asker, name="one")
        two: Any = await system.spawn(Asker, name="two")
        answer = asyncio.ensure_future(one.ask([two, gate]))
        await instance.entered.wait()
        assert system.inspect(one).waits_for() == ["/two", "/gate"]
        assert system.inspect(one).info().waits_for == ["/two", "/gate"]
        assert system.inspect(gate).waits_for() == []
        instance.open.set()
        await answer


async def test_an_asker_of_a_pool_waits_for_the_pool_and_its_only_routee() -> None:
    class Asker(Actor[Any]):
        async def receive(self, message: ActorRef[Any]) -> Any:
            return await message.ask("wait")

    async with ActorSystem() as system:
        pool = await system.spawn_pool(Gate, size=1, name="pool")
        asker: Any = await system.spawn(Asker)
        answer = asyncio.ensure_future(asker.ask(pool))
        await settle()
        assert system.inspect(asker).waits_for()[0] in {"/pool", pool.routees[0].path}
        assert system.inspect(asker).waits_for()[-1] == pool.routees[0].path
        pool.routees[0]._cell.instance.open.set()
        await answer


# -- its state -------------------------------------------------------------------------------------


async def test_state_is_a_new_dict_of_the_real_objects() -> None:
    async with ActorSystem() as system:
        _, gate, inspector = await spawned(system)
        state = inspector.state()
        assert sorted(state) == ["entered", "open", "taken"]
        assert state["taken"] is gate.taken
        state.clear()
        assert inspector.state()
        slotted = await system.spawn(Slotted)
        assert system.inspect(slotted).state() == {"count": 1}


async def test_o5_replace_state_makes_the_attributes_exactly_those() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await inspector.replace_state(lambda state: {"taken": [*state["taken"], 7], "new": True})
        assert inspector.state() == {"taken": [7], "new": True}
        assert gate.context.ref is ref
        slotted: Any = await system.spawn(Slotted)
        await system.inspect(slotted).replace_state(lambda state: {"count": 41, "never": 0})
        assert await slotted.ask(1) == 42
        await system.inspect(slotted).replace_state(lambda state: {"count": 1})
        assert system.inspect(slotted).state() == {"count": 1}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda state: state["taken"].no_such, AttributeError),
        (lambda state: None, TypeError),
        (lambda state: {1: 2}, TypeError),
        (lambda state: {"context": None}, AttributeError),
    ],
)
async def test_o5_a_change_that_fails_leaves_all_as_it_was(change: Any, error: type[Exception]) -> None:
    async with ActorSystem() as system:
        ref, _, inspector = await spawned(system)
        before = inspector.state()
        with pytest.raises(error):
            await inspector.replace_state(change)
        assert inspector.state() == before
        assert await ref.ask(1) == 1


async def test_o5_a_coroutine_function_is_no_change() -> None:
    async def change(state: dict[str, Any]) -> dict[str, Any]:
        return state

    async with ActorSystem() as system:
        _, _, inspector = await spawned(system)
        with pytest.raises(TypeError, match="mapping"):
            await inspector.replace_state(change)  # type: ignore[arg-type]


async def test_o5_replace_state_waits_for_the_end_of_the_turn() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await gate.entered.wait()
        changing = asyncio.ensure_future(
            inspector.replace_state(lambda state: {**state, "seen": list(state["taken"])})
        )
        await settle()
        assert not changing.done()
        await ref.send("later")
        gate.open.set()
        await changing
        assert gate.seen == ["wait"]  # type: ignore[attr-defined]


async def test_o5_a_change_out_of_time_or_cancelled_never_happens() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await gate.entered.wait()
        with pytest.raises(TimeoutError):
            await inspector.replace_state(lambda state: {}, timeout=0.01)
        changing = asyncio.ensure_future(inspector.replace_state(lambda state: {}))
        await settle()
        changing.cancel()
        gate.open.set()
        assert await ref.ask("after") == "after"
        assert gate.taken == ["wait", "after"]


async def test_o5_in_its_own_turn_it_is_a_deadlock() -> None:
    class Self(Actor[Any]):
        async def receive(self, message: Any) -> None:
            inspector = self.context.system.inspect(self.context.ref)
            await (inspector.suspend() if message == "suspend" else inspector.replace_state(dict))

    async with ActorSystem() as system:
        ref = await system.spawn(Self)
        for message in ("suspend", "replace"):
            with pytest.raises(DeadlockError):
                await ref.ask(message)


async def test_o5_a_restart_ends_a_change_that_waits_and_an_end_does_too() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await gate.entered.wait()
        changing = asyncio.ensure_future(inspector.replace_state(lambda state: {}))
        await settle()
        ref._cell.fail_from_outside(ValueError())
        gate.open.set()
        with pytest.raises(ActorError, match="restarted"):
            await changing
        assert await ref.ask(1) == 1
        gate = ref._cell.instance
        await ref.send("wait")
        await gate.entered.wait()
        changing = asyncio.ensure_future(inspector.replace_state(lambda state: {}))
        await settle()
        ref.kill()
        with pytest.raises(ActorStoppedError):
            await changing
