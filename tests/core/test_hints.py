"""A call that cannot work says what was meant, where it is made."""

import asyncio
import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from actorio import Actor, ActorSystem, Context, StateMachine, entry, state
from actorio._core.hints import OF_THE_CONTEXT, without_hints


class Till(Actor[Any]):
    def __init__(self) -> None:
        self.held = 5

    async def receive(self, message: Any) -> Any:
        return message(self) if callable(message) else self.held

    async def total(self) -> int:
        return self.held

    async def late(self) -> Any:
        return self.total()  # an await is missing

    async def items(self) -> Any:
        yield 1


class Owner(Actor[Any]):
    async def run(self) -> None:
        while True:
            await self.recv()
            self.context.reply(asyncio.sleep(0))


def untyped(value: Any) -> Any:
    """Return it as Any: both type checkers refuse these calls."""
    return value


async def test_a_method_called_on_a_ref_is_shown_how_it_is_called() -> None:
    async with ActorSystem() as system:
        till = untyped(await system.spawn(Till, name="till"))
        with pytest.raises(
            AttributeError, match=r"the ref of /till .*'total'; .*`await ref.call\(Till.total"
        ):
            await till.total()
        owner = untyped(await system.spawn(Owner))
        with pytest.raises(AttributeError, match=r"the ref of .* has no attribute 'total'$"):
            owner.total()
        assert "send" in dir(till)
        assert not {"total", "tell"} & set(dir(till))
        assert not hasattr(till, "total")
        with pytest.raises(AttributeError, match=r"no attribute 'unknown'$"):
            till.unknown  # noqa: B018
        assert not hasattr(till, "_unknown")
        pool = untyped(await system.spawn_pool(Till, size=1))
        with pytest.raises(AttributeError, match=r"ref.call\(Till.total"):
            pool.total()
        till.kill()
        await till.join()
        with pytest.raises(AttributeError, match=r"ref.call\(Till.total"):
            till.total()


async def test_tell_is_called_send() -> None:
    async with ActorSystem() as system:
        with pytest.raises(AttributeError, match="a message is sent by `send`"):
            untyped(await system.spawn(Till)).tell("message")


async def test_there_is_no_sender() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        with pytest.raises(AttributeError, match="no sender: what `receive` returns is the reply"):
            await till.ask(lambda self: self.context.sender)


async def test_what_is_of_the_context_is_looked_for_on_the_actor() -> None:
    class Looking(Actor[str]):
        async def receive(self, message: str) -> Any:
            return {"names": dir(self)}.get(message) or getattr(self, message)

    async with ActorSystem() as system:
        looking = await system.spawn(Looking)
        for name in ("ref", "stop", "reply", "spawn"):
            with pytest.raises(
                AttributeError, match=rf"'.*Looking' object .* '{name}'; it is `self.context.{name}`$"
            ):
                await looking.ask(name)
        with pytest.raises(AttributeError, match=r"'tell'; .*context.ref.send\(message\)"):
            await looking.ask("tell")
        assert not OF_THE_CONTEXT & set(await looking.ask("names"))
        for name in ("other", "_inner"):
            with pytest.raises(AttributeError, match=rf"no attribute '{name}'$"):
                await looking.ask(name)
        with pytest.raises(AttributeError, match=r"'map'; `map` is of a pool"):
            untyped(looking).map(len, [])
    assert {
        name for name in without_hints(Context, dir(Context)) if not name.startswith("_")
    } == OF_THE_CONTEXT


def test_an_actor_may_have_what_a_stranger_looks_for_on_it() -> None:
    class Behind:
        path = "of a class"

        @property
        def name(self) -> str:
            return self._name

        @name.setter
        def name(self, name: str) -> None:
            self._name = name.upper()

        def stop(self) -> str:
            return "stopped"

    class Both(Actor[Any], Behind):
        def __init__(self) -> None:
            self.name = "both"
            self.children = 3

    class Further(Both):
        log = "own"

    @dataclass
    class Fields(Actor[Any]):
        parent: int
        system: str = "mine"

    both = Further()
    assert (both.name, both.children, both.stop(), both.path, both.log) == (
        *("BOTH", 3, "stopped", "of a class"),
        "own",
    )
    assert (Fields(1).parent, Fields(1).system) == (1, "mine")
    with pytest.raises(TypeError, match="parent"):
        Fields()  # type: ignore[call-arg]  # it has no default
    for thing in (both, Further, Actor, Fields(1)):
        assert not hasattr(thing, "send")
        assert not hasattr(thing, "link")


def test_no_access_to_an_attribute_of_an_actor_takes_a_slow_way() -> None:
    assert not hasattr(Actor, "__getattr__")
    assert not hasattr(Actor, "__getattribute__") or Actor.__getattribute__ is object.__getattribute__


async def test_a_hook_that_cannot_be_called_is_refused_at_the_spawn() -> None:
    class Wrong(Actor[Any]):
        async def on_stop(self) -> None:  # type: ignore[override]
            """Its reason is missing."""

    class Wider(Actor[Any]):
        async def on_stop(self, *why: Any) -> None:
            """Takes it."""

        @staticmethod
        async def on_terminated(event: Any) -> None:
            """Needs no actor."""

    async with ActorSystem() as system:
        with pytest.raises(
            TypeError, match=r"Wrong.on_stop is called as on_stop\(self, reason\), and cannot be: too many"
        ):
            await system.spawn(Wrong)
        await system.spawn(Wider)


async def test_a_bound_method_is_refused_at_the_call() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        mine = Till()
        with pytest.raises(TypeError, match=r"`ref.call\(Till.total, \.\.\.\)`, not one that is bound"):
            await untyped(till).call(mine.total)
        with pytest.raises(TypeError, match=r"ref.cast\(Till.total"):
            untyped(till).cast(mine.total)
        with pytest.raises(TypeError, match=r"ref.stream\(Till.items"):
            untyped(till).stream(mine.items)
        assert till.is_alive


async def test_a_state_machine_whose_on_start_forgets_super_does_not_start() -> None:
    class Door(StateMachine[str, str]):
        initial_state = "closed"

        async def on_start(self) -> None:
            """Forgets it."""

    class Right(StateMachine[str, str]):
        initial_state = "closed"
        entered = 0

        async def on_start(self) -> None:
            await super().on_start()

        @entry("closed")
        async def close(self, before: Any) -> None:
            self.entered += 1

    class Below(Right):
        async def on_start(self) -> None:
            assert self.entered == 0
            await super().on_start()
            assert self.entered == 1

    async with ActorSystem() as system:
        with pytest.raises(TypeError, match=r"Door is in no state: .*await super\(\).on_start\(\)"):
            await system.spawn(Door)
        await system.spawn(Right)
        await system.spawn(Below)


async def test_awaiting_a_stop_names_join() -> None:
    async with ActorSystem() as system:
        for end in ("close", "stop", "kill"):
            ref = untyped(await system.spawn(Till))
            with pytest.raises(TypeError, match=r"does not wait, `await ref.join\(\)` does"):
                await getattr(ref, end)()
            await ref.join()  # it ends all the same


async def test_what_stop_returns_is_none_to_a_state_machine_and_in_copies() -> None:
    class Door(StateMachine[str, Any]):
        initial_state = "open"

        @state("open")
        async def is_open(self, event: Any) -> Any:
            return event()

        def where(self) -> str:
            return self.current_state

    async with ActorSystem() as system:
        till, door = await system.spawn(Till), await system.spawn(Door)
        assert not await door.ask(till.stop)
        assert await door.call(Door.where) == "open"
        nothing = untyped(till).stop()
        assert (copy.copy(nothing), pickle.loads(pickle.dumps([nothing]))) == (None, [None])
        assert repr(nothing) == "None"


async def test_what_stop_returns_is_as_good_as_none_wherever_it_is_returned() -> None:
    async with ActorSystem() as system:
        worker, till = await system.spawn(Till), await system.spawn(Till)
        assert not await worker.submit(till.stop)
        system.before_shutdown(worker.stop)
    assert not system.report.failed


async def test_a_reply_that_is_a_coroutine_is_an_error_for_the_asker() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till, name="till")
        with pytest.raises(
            TypeError, match=r"/till has answered by a coroutine of Till.total: an await is missing"
        ):
            await till.call(Till.late)

        async def forgotten() -> Any:
            return asyncio.sleep(0)

        with pytest.raises(TypeError, match="a coroutine of sleep: an await is missing"):
            await till.submit(forgotten)
        owner = await system.spawn(Owner)
        with pytest.raises(TypeError, match="a coroutine of sleep"):
            await owner.ask("message")
        assert till.is_alive
        assert owner.is_alive


class Tick:
    """The one message that a clock takes."""


class Clock(Actor[Tick]):
    def receive(self, message: Tick) -> None: ...

    async def tick(self) -> None: ...

    async def misuse(self, name: str, message: Any) -> None:
        message = self.tick if message == "mine" else self.tick() if message == "coroutine" else message
        getattr(self.context, name)(0.01, message)


class Free(Actor[Any]):
    def receive(self, message: Any) -> Any:
        return message()

    async def tick(self) -> None: ...

    async def misuse(self, name: str, message: Any) -> None:
        getattr(self.context, name)(0.01, self.tick if message == "mine" else message)


@pytest.mark.parametrize("name", ["send_after", "send_every", "when_idle"])
async def test_a_function_in_the_place_of_a_timers_message_is_refused(name: str) -> None:
    async with ActorSystem() as system:
        clock = await system.spawn(Clock)
        for message in ("mine", "coroutine", lambda: None, print):
            with pytest.raises(TypeError, match=f"{name} takes a message, .* start_soon"):
                await clock.call(Clock.misuse, name, message)
        free = await system.spawn(Free)  # which takes functions, for all that is known
        with pytest.raises(TypeError, match=f"{name} takes a message"):
            await free.call(Free.misuse, name, "mine")


async def test_an_actor_that_takes_functions_may_have_them_sent_by_its_timers() -> None:
    async with ActorSystem() as system:
        rung = asyncio.Event()
        free = await system.spawn(Free)
        await free.call(Free.misuse, "send_after", rung.set)
        await rung.wait()
