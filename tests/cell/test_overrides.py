"""What a class of actors may override, and how."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from types import MethodType
from typing import Any
from unittest import mock

import pytest

from actorio import Actor, ActorError, ActorSystem, ExitReason, Strategy, Supervision, interleave
from tests.guarantees.actors import outcome


class Yields(Actor[int]):
    async def receive(self, message: int, /) -> AsyncIterator[int]:
        yield message


class StartsWithYield(Actor[int]):
    def on_start(self) -> Iterator[None]:  # type: ignore[override]
        yield


class RepliesAndDefers(Actor[int]):
    async def receive(self, message: int, /) -> Any:
        self.context.reply(message)
        with pytest.raises(ActorError, match="replied"):
            self.context.defer()


@pytest.mark.parametrize("cls", [Yields, StartsWithYield])
async def test_a_hook_with_a_yield_is_refused_at_the_spawn(cls: type[Actor[int]]) -> None:
    async with ActorSystem() as system:
        with pytest.raises(TypeError, match="yield"):
            await system.spawn(cls, name="free")
        assert len(system.snapshot()) == 0


async def test_a_reply_that_was_given_cannot_be_deferred() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(RepliesAndDefers)
        assert await ref.ask(1) == 1


async def test_a_shutdown_hook_that_is_no_function_is_refused_at_the_call() -> None:
    async def hook() -> None:
        await asyncio.sleep(0)

    async with ActorSystem() as system:
        with pytest.raises(TypeError, match="before_shutdown"):
            system.before_shutdown(None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="coroutine object"):
            system.after_shutdown(hook())  # type: ignore[arg-type]


async def test_hooks_that_are_patched_into_the_class_are_called_and_those_taken_out_are_not() -> None:
    class Plain(Actor[Any]):
        pass

    async with ActorSystem() as system:
        await system.spawn(Plain)  # its hooks have been looked up
        with (
            mock.patch.object(Plain, "on_start", mock.AsyncMock()) as started,
            mock.patch.object(Plain, "on_stop", mock.AsyncMock()) as stopped,
            mock.patch.object(Plain, "receive", mock.AsyncMock(return_value="patched")) as received,
        ):
            ref = await system.spawn(Plain)
            assert await ref.ask(1) == "patched"
            ref.stop()
            await ref.join()
        started.assert_awaited_once_with()
        received.assert_awaited_once_with(1)
        stopped.assert_awaited_once_with(ExitReason.SHUTDOWN)
        ref = await system.spawn(Plain)
        ref.stop()
        assert (await ref.join()).error is None
    assert (started.await_count, stopped.await_count) == (1, 1)


async def test_hooks_that_are_set_on_the_instance_are_called() -> None:
    class Settable(Actor[Any]):
        def __init__(self, calls: list[str]) -> None:
            async def on_start() -> None:
                calls.append("on_start")

            async def on_stop(reason: ExitReason) -> None:
                calls.append("on_stop")

            async def on_undelivered(messages: Any, reason: ExitReason) -> None:
                calls.append("on_undelivered")

            async def run() -> None:
                calls.append("run")

            self.on_start, self.on_stop, self.run = on_start, on_stop, run  # type: ignore[method-assign]
            self.on_undelivered = on_undelivered  # type: ignore[method-assign]

    calls: list[str] = []
    async with ActorSystem() as system:
        ref = await system.spawn(Settable, calls)
        await ref.join()
    assert calls == ["on_start", "run", "on_stop"]


class OfAWrongKind(Actor[Any]):
    supervision = Strategy.ONE_FOR_ALL  # type: ignore[assignment]


class SetToAWrongKind(Actor[Any]):
    def __init__(self) -> None:
        self.supervision = Strategy.ONE_FOR_ALL  # type: ignore[misc, assignment]


@pytest.mark.parametrize("kind", [OfAWrongKind, SetToAWrongKind])
async def test_a_supervision_of_a_wrong_kind_is_refused_at_the_spawn(kind: type[Actor[Any]]) -> None:
    async with ActorSystem() as system:
        with pytest.raises(
            TypeError, match=rf"{kind.__name__}\.supervision must be a Supervision, not Strategy"
        ):
            await system.spawn(kind)
        assert len(system.snapshot()) == 0


async def test_a_supervision_of_a_wrong_kind_that_is_set_later_is_refused_where_it_is_needed() -> None:
    class Later(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.supervision = message  # type: ignore[misc]
            await self.context.spawn(RepliesAndDefers)

    async with ActorSystem() as system:
        ref = await system.spawn(Later)
        with pytest.raises(TypeError, match="supervision must be a Supervision"):
            await ref.ask(Strategy.ONE_FOR_ALL)
        await ref.ask(Supervision())


async def test_an_attribute_that_has_the_name_of_a_hook_is_none() -> None:
    class Counts(Actor[int]):
        def __init__(self) -> None:
            self.run = 0  # type: ignore[method-assign, assignment]

        async def receive(self, message: int) -> int:
            return message + self.run  # type: ignore[operator]

    async with ActorSystem() as system:
        assert await (await system.spawn(Counts)).ask(3) == 3


async def test_an_attribute_that_hides_a_hook_of_the_class_is_refused_at_the_spawn() -> None:
    class Hides(Actor[int]):
        def __init__(self) -> None:
            self.on_stop = 0  # type: ignore[method-assign, assignment]

        async def on_stop(self, reason: ExitReason) -> None: ...  # type: ignore[no-redef]

    async with ActorSystem() as system:
        with pytest.raises(TypeError, match=r"Hides\.on_stop is a hook, and self\.on_stop hides it"):
            await system.spawn(Hides)


class Greeter(Actor[Any]):
    def greet(self, name: str = "you", *, mark: str = "") -> str:
        return f"hello {name}{mark}"

    def greet_async(self) -> str:
        return "plain"


class Politer(Greeter):
    def greet(self, name: str = "you", *, mark: str = "") -> str:
        return f"dear {name}{mark}"

    @interleave
    async def greet_async(self) -> str:  # type: ignore[override]
        return "beside"


async def test_every_call_of_a_method_is_of_what_the_actor_has_then() -> None:
    async with ActorSystem() as system:
        greeter, politer = await system.spawn(Greeter), await system.spawn(Politer)
        for _ in range(3):  # the first looks, the others know
            assert await greeter.call(Greeter.greet, "her", mark="!") == "hello her!"
            assert await politer.call(Greeter.greet, "her") == "dear her"
            assert await greeter.call(Greeter.greet_async) == "plain"
            assert await politer.call(Greeter.greet_async) == "beside"
        greeter._cell.instance.greet = lambda: "its own"
        assert await greeter.call(Greeter.greet) == "its own"
        with mock.patch.object(Politer, "greet", Greeter.greet):
            assert await politer.call(Greeter.greet, "her") == "hello her"
            await politer.cast(Greeter.greet)
        assert await politer.call(Greeter.greet) == "dear you"
        assert politer.is_alive


async def test_methods_that_were_called_are_kept_with_their_class_alone() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Greeter)
        for _ in range(3):
            own = lambda self: "its own"  # noqa: E731
            own.__name__ = "greet"
            ref._cell.instance.greet = MethodType(own, ref._cell.instance)
            assert await ref.call(own) == "its own"
        assert isinstance(await outcome(ref.call([])), TypeError)  # type: ignore[call-overload]
        hooks = ref._cell.hooks
        assert hooks is not None
        assert all(func in vars(Greeter).values() for func in hooks.plain)


class Plain(Actor[int]):
    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: int, /) -> int:
        self.total += message
        return self.total

    async def me(self) -> "Plain":
        return self


class WithHook(Plain):
    async def on_start(self) -> None:
        self.total = 1


@pytest.mark.parametrize("cls", [Plain, WithHook])
async def test_no_look_at_an_actor_makes_its_attributes_slow(cls: type[Plain]) -> None:
    async with ActorSystem() as system:
        for _ in range(2):  # the class is looked at with its first actor
            ref = await system.spawn(cls)
            await ref.send(1)
            await ref.ask(1)
            await ref.submit(int)
            # Once something has asked for its `__dict__`, the interpreter keeps that, and no fast way to what it holds.
            assert not [held for held in gc.get_referents(await ref.call(cls.me)) if type(held) is dict]
