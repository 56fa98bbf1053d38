"""Wrong programs: both type checkers must refuse each line marked `# refused`, and no other. Never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from actorio import Actor, ActorRef, ActorSystem, Ask, PoolRef, Worker, interleave


def shout(text: str) -> str:
    return text.upper()


@dataclass(frozen=True)
class Get(Ask[int]):
    key: str


@dataclass(frozen=True)
class Foreign(Ask[int]):
    """A question that the store does not take."""


@dataclass(frozen=True)
class Put:
    key: str
    value: int


class Store(Actor[Get | Put]):
    def __init__(self, size: int) -> None:
        self.size = size

    async def receive(self, message: Get | Put) -> int | None:
        return None

    async def increase(self, by: int, *, twice: bool = False) -> int:
        return by

    @interleave
    async def peek(self, key: str) -> int:
        return len(key)

    async def add(self, numbers: AsyncIterator[int]) -> None:
        self.context.add_source(numbers, item=shout)  # refused
        self.context.add_source([1, 2])  # refused
        self.context.when_idle("soon")  # refused
        self.context.send_after(1.0, "text")  # refused
        self.context.send_every(1.0, 5)  # refused
        await self.context.ref.send("text")  # refused

    async def own_loop(self) -> str:
        return await self.recv()  # refused


class Other(Actor[str]):
    async def act(self) -> None: ...


def add(a: int, b: int) -> int:
    return a + b


async def a_message_the_actor_does_not_take(store: ActorRef[Store], other: ActorRef[Other]) -> None:
    await store.send("text")  # refused
    store.send_nowait(5)  # refused
    store.send_threadsafe(b"bytes")  # refused
    await other.send(Put("a", 1))  # refused
    await store.ask(Foreign())  # refused


async def an_answer_of_another_type(store: ActorRef[Store]) -> None:
    _wrong: str = await store.ask(Get("a"))  # refused
    _worse: bytes = await store.call(Store.increase, 1)  # refused


async def a_call_that_does_not_fit(store: ActorRef[Store]) -> None:
    await store.call(Store.increase, "five")  # refused
    await store.call(Store.increase)  # refused
    await store.call(Store.increase, 5, thrice=True)  # refused
    await store.call(Store.peek, 5)  # refused
    await store.call(Store.peek)  # refused
    await store.call(Other.act)  # refused
    await store.call(Store.increase, 5, timeout="soon")  # refused
    await store.call(Store.increase, "five", timeout=5)  # refused
    store.call_threadsafe(Store.increase, "five")  # refused
    store.ask_threadsafe(Foreign())  # refused
    await store.cast(Other.act)  # refused
    await store.cast(Store.increase, "five")  # refused


async def constructor_arguments_that_do_not_fit(system: ActorSystem) -> None:
    await system.spawn(Store)  # refused
    await system.spawn(Store, "three")  # refused
    await system.spawn(Store, 3, 4)  # refused
    await system.spawn(Other, 1)  # refused
    await system.spawn(Store(3))  # refused
    await system.spawn(int)  # refused


async def an_await_that_was_forgotten(system: ActorSystem) -> None:
    system.spawn(Store, 3)  # refused
    store = system.spawn(Store, 3)
    await store.send(Put("a", 1))  # refused
    await store.ask(Get("a"))  # refused
    store.stop()  # refused
    pool = system.spawn_pool(Store, 3)
    await pool.send(Put("a", 1))  # refused
    again = system.get_or_spawn("store", Store, 3)
    await again.send(Put("a", 1))  # refused


async def options_that_do_not_exist(system: ActorSystem, store: ActorRef[Store]) -> None:
    await system.spawn(Store, 3, nmae="shop")  # refused
    await system.spawn(Store, size=3)  # refused
    await system.get_or_spawn("shop", Store, 3, mialbox=None)  # refused
    await system.get_or_spawn("shop", Store, 3, significant=True)  # refused
    await store.join(tiemout=1.0)  # refused
    await store.ask(Get("a"), 5.0)  # refused


async def items_that_do_not_fit(pool: PoolRef[Worker]) -> None:
    pool.map(shout, [1, 2])  # refused
    _wrong: list[int] = [text async for text in pool.map(shout, ["a"])]  # refused


async def work_that_does_not_fit(worker: ActorRef[Worker]) -> None:
    worker.submit(add, 2)  # refused
    worker.submit(add, 2, "three")  # refused
    _wrong: str = await worker.submit(add, 2, 3)  # refused


async def an_unknown_class(system: ActorSystem) -> None:
    _wrong: ActorRef[Other] = system.lookup("shop", expect=Store)  # refused
    _worse: ActorRef[Other] = await system.spawn(Store, 3)  # refused
