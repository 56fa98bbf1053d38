"""Programs that both type checkers must accept, with the types they must infer. Never run, only checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_type

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    Ask,
    DeadLetter,
    ExitReason,
    Failed,
    Mailbox,
    Overflow,
    Restart,
    Result,
    Terminated,
    Worker,
    interleave,
)


@dataclass(frozen=True)
class Get(Ask[int]):
    key: str


@dataclass(frozen=True)
class Put:
    key: str
    value: int


class Store(Actor[Get | Put]):
    def __init__(self, size: int, unit: str = "kg") -> None:
        self.name = "my own, no clash with the base class"
        self.path = size
        self.unit = unit

    async def receive(self, message: Get | Put) -> int | None:
        return 1 if isinstance(message, Get) else None

    async def increase(self, by: int, *, twice: bool = False) -> int:
        return by * (2 if twice else 1)

    async def rename(self, unit: str) -> None:
        self.unit = unit

    @interleave
    async def peek(self, key: str, *, default: int = 0) -> int:
        return default

    @interleave
    def glance(self) -> str:
        return self.unit


async def numbers() -> AsyncIterator[int]:
    yield 1


class Bare(Actor[str]):
    """No constructor of its own."""

    def receive(self, message: str) -> None:
        """A plain function is fine."""


class Owner(Actor[str]):
    async def run(self) -> None:
        while True:
            assert_type(await self.recv(), str)


class Loose(Actor):
    """Takes any message: M defaults to Any."""


async def keep(ref: ActorRef[Parent]) -> None:
    await ref.send("kept")


class Parent(Actor[str]):
    async def on_start(self) -> None:
        assert_type(await self.context.spawn(Store, 3), ActorRef[Store])
        self.context.send_after(1.0, "tick")
        await self.context.ref.send("tick")
        await self.context.ref.cast(Parent.on_start)
        await keep(self.context.ref)
        self.context.send_every(1.0, "tick", key="beat").cancel()
        self.context.when_idle(1.0, "idle")
        self.context.add_source(numbers())
        self.context.add_source(numbers(), item=str, end=lambda: "end").cancel()

    async def on_terminated(self, event: Terminated) -> None:
        assert_type(event.reason, ExitReason)

    async def on_stop(self, reason: ExitReason) -> None:
        assert_type(reason, ExitReason)


def add(a: int, b: int) -> int:
    return a + b


async def fetch(url: str, *, retries: int = 3) -> bytes:
    return url.encode() * retries


async def spawning(system: ActorSystem) -> None:
    assert_type(await system.spawn(Store, 3), ActorRef[Store])
    assert_type(await system.spawn(Store, 3, "g", name="shop"), ActorRef[Store])
    assert_type(await system.spawn(partial(Store, 3, unit="g")), ActorRef[Store])
    assert_type(await system.spawn(Bare, mailbox=Mailbox(10, overflow=Overflow.DROP_OLD)), ActorRef[Bare])
    assert_type(await system.spawn(Bare, restart=Restart.TEMPORARY, shutdown=None), ActorRef[Bare])
    assert_type(await system.get_or_spawn("till", Store, 3), ActorRef[Store])
    await system.get_or_spawn("till", Store, 3, mailbox=Mailbox(10), dynamic=True)
    await system.spawn(Bare, dynamic=True)
    assert_type(await asyncio.create_task(system.spawn(Store, 3)), ActorRef[Store])
    await asyncio.gather(system.spawn(Store, 3), system.spawn(Bare))
    assert_type(system.lookup("shop", expect=Store), ActorRef[Store])
    system.lookup("shop")
    async with system.events.subscribe(DeadLetter) as stream:
        async for event in stream:
            assert_type(event, DeadLetter)


async def sending(store: ActorRef[Store], bare: ActorRef[Bare], loose: ActorRef[Loose]) -> None:
    await store.send(Put("a", 1))
    store.send_nowait(Get("a"))
    store.send_threadsafe(Put("a", 1))
    await bare.send("text")
    await loose.send(1)
    await loose.send("text")


async def asking(store: ActorRef[Store]) -> None:
    assert_type(await store.ask(Get("a")), int)
    assert_type(await store.ask(Get("a"), timeout=1.5), int)
    assert_type(store.ask_threadsafe(Get("a"), timeout=1.5).result(), int)


async def calling(store: ActorRef[Store]) -> None:
    assert_type(await store.call(Store.increase, 5), int)
    assert_type(await store.call(Store.increase, 5, twice=True), int)
    assert_type(await store.call(Store.increase, 5, timeout=1.5), int)
    assert_type(await store.call(Store.glance, timeout=None), str)
    assert_type(store.call_threadsafe(Store.increase, 5).result(), int)
    assert_type(store.call_threadsafe(Store.increase, 5, timeout=1.5).result(), int)
    await store.cast(Store.rename, "g")
    assert_type(await store.call(Store.peek, "a", default=1), int)
    assert_type(await store.call(Store.glance), str)
    await store.cast(Store.peek, "a")


def text_of(number: int) -> str:
    return str(number)


async def bytes_of(number: int) -> bytes:
    return bytes(number)


async def mapping(system: ActorSystem, items: list[int]) -> None:
    pool = await system.spawn_pool(Worker, size=2)
    async for text in pool.map(text_of, items):
        assert_type(text, str)
    async for data in pool.map(bytes_of, items, ordered=False, chunk=3):
        assert_type(data, bytes)
    async for either in pool.map(text_of, items, on_error=Failed):
        assert_type(either, str | Failed)


async def submitting(worker: ActorRef[Worker], store: ActorRef[Store]) -> None:
    result = worker.submit(add, 2, 3)
    assert_type(result, Result[int])
    assert_type(await result, int)
    assert_type(await worker.submit(fetch, "x", retries=1), bytes)
    assert_type(await store.submit(add, 2, 3), int)
    assert_type(store.submit_threadsafe(add, 2, 3).result(), int)
    assert_type(store.submit_threadsafe(fetch, "x", retries=1).result(), bytes)


async def ending(store: ActorRef[Store]) -> None:
    store.close()
    store.stop()
    store.kill()
    ended = await store.join(timeout=1.0)
    assert_type(ended, Terminated)
    assert_type(ended.reason, ExitReason)


async def widening(store: ActorRef[Store]) -> None:
    anything: ActorRef[Actor[Any]] = store
    anything.close()
    refs: list[ActorRef[Any]] = [store, anything]
    refs[0].stop()


async def streaming(system: ActorSystem) -> AsyncIterator[DeadLetter]:
    async with system.events.subscribe(DeadLetter) as stream:
        async for event in stream:
            yield event
