"""Whatever changes something is refused from another thread, and has changed nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStarted,
    ActorStoppedError,
    ActorSystem,
    AskTimeoutError,
    Left,
    Mailbox,
    NoReplyError,
    Result,
    Timer,
    Topic,
    Worker,
    WrongThreadError,
    all_results,
    as_completed,
    first_result,
)
from actorio.testing import until
from tests.guarantees.actors import Recorder, Silent, soon, started
from tests.stage import ticks


class Exposed(Actor[Any]):
    """Gives itself, or a timer, to the test."""

    async def receive(self, message: Any) -> Any:
        return self.context.send_after(3600, "late") if message == "timer" else self


async def _from_thread(use: Callable[[], Any]) -> Any:
    """Call in another thread; what is awaitable is awaited on a loop of that thread."""

    def call() -> Any:
        value = use()
        return asyncio.run(_finish(value)) if isinstance(value, Awaitable) else value

    with ThreadPoolExecutor(1) as threads:
        return await asyncio.get_running_loop().run_in_executor(threads, call)


async def _finish(work: Awaitable[Any]) -> Any:
    return await work


GROUPS: dict[str, Callable[[ActorSystem, Any], Any]] = {
    "join": lambda system, ref: system.groups.join("g", ref),
    "leave": lambda system, ref: system.groups.leave("h", ref),
    "monitor": lambda system, ref: system.groups.monitor("g"),
    "broadcast": lambda system, ref: system.groups.broadcast("nobody", 1),
    "subscribe": lambda system, ref: system.events.subscribe(),
}


@pytest.mark.parametrize("name", GROUPS)
async def test_groups_and_events_belong_to_the_thread_of_the_system(name: str) -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        system.groups.join("h", ref)
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: GROUPS[name](system, ref))
        assert system.groups.names() == ("h",)
        assert not system.groups._monitors
        assert not system.events._streams


async def test_a_stream_of_events_and_a_monitor_are_closed_where_they_live() -> None:
    async with soon(), ActorSystem() as system:
        for feed in (system.events.subscribe(), system.groups.monitor("g")):
            with pytest.raises(WrongThreadError):
                await _from_thread(feed.close)
            feed.close()
            await _from_thread(feed.close)  # it is closed: nothing changes


async def test_a_feed_and_a_topic_stream_are_read_where_they_live() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        async with Topic[int](system, "t").stream() as messages:
            events, monitor = system.events.subscribe(ActorStarted), system.groups.monitor("g")
            await system.spawn(Silent)
            system.groups.join("g", ref)
            await Topic[int](system, "t").publish(1)
            for feed in (events, monitor, messages):
                with pytest.raises(WrongThreadError):
                    await _from_thread(lambda feed=feed: anext(feed))  # type: ignore[misc]
                assert await anext(feed) is not None  # type: ignore[call-overload]
            system.groups.leave("g", ref)
            monitor.close()
            left = await _from_thread(lambda: anext(monitor))  # it is closed: who reads it is all one
            assert left == Left("g", ref)


HOOKS: dict[str, Callable[[ActorSystem], None]] = {
    "before_shutdown": lambda system: system.before_shutdown(int),
    "after_shutdown": lambda system: system.after_shutdown(int),
}


@pytest.mark.parametrize("name", HOOKS)
async def test_hooks_of_the_shutdown_are_added_where_it_happens(name: str) -> None:
    async with soon(), ActorSystem() as system:
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: HOOKS[name](system))
        assert not [*system._shutdown.before, *system._shutdown.after]


def test_groups_and_events_may_be_listened_to_before_the_block() -> None:
    async def main() -> list[Any]:
        async with stream:
            async with system:
                ref = await system.spawn(Silent)
                system.groups.join("g", ref)
            return [type(event).__name__ async for event in stream] + [
                len([event async for event in monitor])
            ]

    system = ActorSystem()
    stream, monitor = system.events.subscribe(), system.groups.monitor("g")
    assert asyncio.run(main()) == ["ActorStarted", "ActorStopped", 2]


async def test_a_timer_is_cancelled_where_it_lives() -> None:
    async with soon(), ActorSystem() as system:
        timer: Timer = await (await system.spawn(Exposed)).ask("timer")
        with pytest.raises(WrongThreadError):
            await _from_thread(timer.cancel)
        assert timer.cancel()


class Deferring(Actor[Any]):
    """Leaves its asks for the test to answer."""

    def __init__(self, handles: list[Result[Any]]) -> None:
        self.handles = handles

    async def receive(self, message: Any) -> None:
        self.handles.append(self.context.defer())


@pytest.mark.parametrize("use", ["set_result", "set_exception", "cancel"])
async def test_a_deferred_reply_is_given_where_it_lives(use: str) -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        asked = started(ref.ask(1))
        await ticks(3)
        (handle,) = handles
        arguments = {"set_result": [2], "set_exception": [LookupError()], "cancel": []}[use]
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: getattr(handle, use)(*arguments))
        assert not handle.done()
        handle.set_result(3)
        assert await asked == 3


RESULT: dict[str, Callable[[Result[Any]], Any]] = {
    "cancel": lambda result: result.cancel(),
    "set_result": lambda result: result.set_result(1),
    "set_exception": lambda result: result.set_exception(LookupError()),
    "add_done_callback": lambda result: result.add_done_callback(print),
    "await": lambda result: result,
}


@pytest.mark.parametrize("name", RESULT)
async def test_a_result_belongs_to_the_thread_of_its_work(name: str) -> None:
    async with soon(), ActorSystem() as system:
        ref, go_on = await system.spawn(Silent), asyncio.Event()
        result = ref.submit(go_on.wait)
        await ticks(3)
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: RESULT[name](result))
        assert not result.done()
        go_on.set()
        assert await result
        assert not await _from_thread(result.cancel)  # it is done: nothing changes


GATHER: dict[str, Callable[[list[Result[Any]]], Any]] = {
    "all_results": all_results,
    "first_result": first_result,
    "as_completed": lambda results: anext(as_completed(results)),
}


@pytest.mark.parametrize("name", GATHER)
async def test_results_are_waited_for_together_where_their_work_is_done_even_when_it_is(name: str) -> None:
    async with soon(), ActorSystem() as system:
        ref, go_on = await system.spawn(Silent), asyncio.Event()
        results = [ref.submit(int), ref.submit(go_on.wait)]
        await results[0]
        for chosen in ([results[0]], [results[1]], results):
            with pytest.raises(WrongThreadError):
                await _from_thread(lambda chosen=chosen: GATHER[name](chosen))  # type: ignore[misc]
        assert not results[1].done()
        assert await _from_thread(lambda: results[0]) == 0
        go_on.set()


class Counter(Actor[Any]):
    """Counts for a stream."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def count(self) -> AsyncIterator[int]:
        try:
            for number in range(1_000_000):
                yield number
        finally:
            self.log.append("closed")


FLOW: dict[str, Callable[[Any], Any]] = {
    "aclose": lambda flow: flow.aclose(),
    "anext": anext,
}


@pytest.mark.parametrize("name", FLOW)
@pytest.mark.parametrize("kind", ["stream", "map"])
async def test_a_stream_and_a_mapping_belong_to_the_thread_of_their_system(kind: str, name: str) -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(lambda: Counter([]), size=1)
        flow: Any = pool.stream(Counter.count) if kind == "stream" else pool.map(abs, range(1_000_000))
        assert await anext(flow) == 0
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: FLOW[name](flow))
        assert await anext(flow) == 1
        await flow.aclose()
        await _from_thread(flow.aclose)


def _dropped_elsewhere(kept: list[Any]) -> None:
    """Have the last reference to something go in another thread, while the loop is held up."""
    thread = threading.Thread(target=kept.clear)
    thread.start()
    thread.join()


async def test_guarantee_05_a_deferred_reply_that_is_dropped_in_another_thread_is_told_in_this_one() -> None:
    async with soon(), ActorSystem() as system:
        handles: list[Result[Any]] = []
        ref = await system.spawn(Deferring, handles)
        asked = started(ref.ask(1))
        await ticks(3)
        _dropped_elsewhere(handles)
        assert ref._cell.deferred
        with pytest.raises(NoReplyError):
            await asked
        assert not ref._cell.deferred


async def test_a_stream_and_a_mapping_that_are_dropped_in_another_thread_end_in_this_one() -> None:
    async with soon(), ActorSystem() as system:
        log: list[str] = []
        counter = await system.spawn(Counter, log)
        pool = await system.spawn_pool(Worker, size=1)
        kept: list[Any] = [counter.stream(Counter.count), pool.map(asyncio.sleep, [0, 3600])]
        for flow in kept:
            await anext(flow)
        results = [kept[0]._result, *(chunk.result for chunk in kept[1]._flight._chunks)]
        del flow
        _dropped_elsewhere(kept)
        assert not any(result.done() for result in results)
        await until(lambda: all(result.cancelled() for result in results))
        await until(lambda: log == ["closed"])


async def test_reading_is_not_refused() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, [], name="it")
        system.groups.join("g", ref)
        assert await _from_thread(lambda: system.groups.members("g")) == (ref,)
        assert (await _from_thread(ref.statistics)).handled == 0


# --- questions from a thread ----------------------------------------------------------------------


class Shop(Actor[Any]):
    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def receive(self, message: Any) -> Any:
        self.asked.append(message)
        if isinstance(message, asyncio.Event):
            await message.wait()
        if isinstance(message, Exception):
            raise message
        return message

    async def add(self, one: int, *, other: int = 1) -> int:
        return one + other

    async def hold(self, gate: asyncio.Event) -> None:
        await gate.wait()


async def test_a_thread_asks_and_calls_and_waits_for_the_reply() -> None:
    error = ValueError("the handler's own")
    async with ActorSystem() as system:
        shop = await system.spawn(Shop)
        pool = await system.spawn_pool(Shop, size=2)
        for ref in (shop, pool):
            assert await asyncio.to_thread(lambda ref=ref: ref.ask_threadsafe("a").result(5)) == "a"
            assert (
                await asyncio.to_thread(lambda ref=ref: ref.call_threadsafe(Shop.add, 2, other=3).result(5))
                == 5
            )
            assert await asyncio.to_thread(lambda ref=ref: ref.ask_threadsafe(error).exception(5)) is error
        with pytest.raises(TypeError, match="not a method of Shop"):
            await asyncio.to_thread(lambda: shop.call_threadsafe(Recorder.receive, 1).result(5))
        with pytest.raises(ValueError, match="timeout"):
            shop.ask_threadsafe("a", timeout=-1)
        with pytest.raises(TypeError, match="call_threadsafe takes a function"):
            shop.call_threadsafe(5)  # type: ignore[call-overload]


async def test_a_question_of_a_thread_ends_with_its_time_its_cancel_or_its_actor() -> None:
    async with ActorSystem() as system:
        shop = await system.spawn(Shop)
        gate = asyncio.Event()
        await shop.send(gate)
        late = shop.ask_threadsafe("late", timeout=0.01)
        late_call = shop.call_threadsafe(Shop.add, 1, timeout=0.01)
        for future in (late, late_call):
            with pytest.raises(AskTimeoutError, match="had not begun"):
                await asyncio.to_thread(future.result, 5)
        given_up = shop.ask_threadsafe("given up")
        await ticks(3)
        assert await asyncio.to_thread(given_up.cancel)
        waits = shop.ask_threadsafe("waits")
        await ticks(3)
        shop.stop()
        gate.set()
        with pytest.raises(ActorStoppedError):
            await asyncio.to_thread(waits.result, 5)
        assert (await shop.join()).ref.statistics().handled == 1  # the gate, and none of the others
    with pytest.raises(ActorStoppedError):
        shop.ask_threadsafe("after the end")


async def test_waiting_for_a_threads_future_on_the_thread_of_the_system_is_refused() -> None:
    async with ActorSystem() as system:
        shop = await system.spawn(Shop)
        for ask in (
            lambda: shop.ask_threadsafe("a"),
            lambda: shop.call_threadsafe(Shop.add, 1),
            lambda: shop.submit_threadsafe(int),
        ):
            future: Any = ask()
            with pytest.raises(WrongThreadError, match="would be for ever"):
                future.result()
            with pytest.raises(WrongThreadError, match="would be for ever"):
                future.exception(timeout=5)
            await asyncio.wrap_future(future)
            future.result()


async def test_a_call_takes_a_timeout_unless_its_method_has_one() -> None:
    class Patient(Shop):
        async def own(self, *, timeout: float) -> float:
            return timeout

        async def all_of(self, **options: Any) -> dict[str, Any]:
            return options

    async with ActorSystem() as system:
        shop = await system.spawn(Patient)
        gate = asyncio.Event()
        with pytest.raises(AskTimeoutError, match="still being handled"):
            await shop.call(Patient.hold, gate, timeout=0.01)
        with pytest.raises(AskTimeoutError, match="had not begun"):
            await shop.call(Patient.add, 1, timeout=0)
        gate.set()
        assert await shop.call(Patient.add, 1, timeout=5) == 2
        assert await shop.call(Patient.add, 1, timeout=None) == 2
        assert await shop.call(Patient.own, timeout=5) == 5
        assert await shop.call(Patient.all_of, timeout=5) == {"timeout": 5}
        with pytest.raises(ValueError, match="timeout"):
            await shop.call(Patient.add, 1, timeout=-1)


# --- a send as a coroutine ------------------------------------------------------------------------


async def test_a_send_goes_wherever_a_coroutine_does() -> None:
    async with ActorSystem() as system:
        shop = await system.spawn(Shop, mailbox=Mailbox(1))
        gate = asyncio.Event()
        done: Any = shop.send(gate)
        await asyncio.create_task(done)
        await ticks(2)
        sends: list[Any] = [shop.send(number) for number in range(4)]
        tasks = [
            asyncio.create_task(sends[0]),
            asyncio.create_task(sends[1]),
            asyncio.ensure_future(sends[2]),
        ]
        tasks[1].cancel()
        gate.set()
        await asyncio.gather(*tasks, sends[3], return_exceptions=True)
        async with asyncio.TaskGroup() as group:
            last: Any = shop.send(4)
            group.create_task(last)
        assert await shop.submit(lambda: None) is None
        assert await shop.call(Shop.add, 1) == 2
        asked = await shop.submit(lambda: shop._cell.instance.asked)
        assert asked[1:] in (
            [0, 2, 3, 4],
            [0, 1, 2, 3, 4],
        )  # what was cancelled before there was room is not sent


async def test_a_send_from_a_thread_pool_is_refused_before_anything_was_sent() -> None:
    """What `BackgroundTasks.add_task(ref.send, message)` does."""
    async with ActorSystem() as system:
        shop = await system.spawn(Shop)
        await shop.send("running")
        with pytest.raises(WrongThreadError, match="send_threadsafe"):
            await asyncio.to_thread(shop.send, "from a thread")
        assert await shop.submit(lambda: shop._cell.instance.asked) == ["running"]
