"""Guarantee 19: an outside cancel of the block is an orderly stop; a stray one in a handler is a failure."""

# ruff: noqa: PT012 (the block of the system is what raises)

import asyncio
import contextlib
from typing import Any

import anyio
import pytest

from actorio import Actor, ActorFailed, ActorStoppedError, ActorSystem, ExitReason
from actorio.testing import until
from tests.guarantees.actors import Held, Silent, Valve, cancelled, outcome, soon, started
from tests.stage import ticks


class Logged(Actor[Any]):
    """Puts down its end."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def receive(self, message: Any) -> None:
        self.log.append(f"{self.context.name} handles {message}")
        await ticks(20)
        self.log.append(f"{self.context.name} has handled {message}")

    async def on_stop(self, reason: ExitReason) -> None:
        await ticks(3)
        self.log.append(f"{self.context.name} ends: {reason.value}")


async def test_guarantee_19_a_cancel_of_the_block_stops_all_in_order_and_goes_on() -> None:
    async def block() -> None:
        async with ActorSystem() as system:
            for name in "abc":
                ref = await system.spawn(Logged, log, name=name)
            await ref.send("last")
            await ref.send("never")
            entered.set()
            await asyncio.Event().wait()

    log: list[str] = []
    entered = asyncio.Event()
    task = started(block())
    async with soon():
        await entered.wait()
        await until(lambda: log)
        assert await cancelled(task)
    assert log == [
        "c handles last",
        "c has handled last",
        "c ends: shutdown",
        "b ends: shutdown",
        "a ends: shutdown",
    ]


async def test_guarantee_19_a_cancel_at_any_tick_of_a_life_leaves_nothing() -> None:
    async def block() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Logged, log)
            await ref.send(1)
            await ref.call(Logged.on_start)
            other = await system.spawn(Silent)
            await other.ask(1)

    for tick in range(25):
        log: list[str] = []
        async with soon():
            task = started(block())
            await ticks(tick)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None
            assert task.cancelled() or "ends" in log[-1]


async def test_guarantee_19_a_timeout_around_the_block_works() -> None:
    async with soon():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                async with ActorSystem() as system:
                    ref = await system.spawn(Silent)
                    await asyncio.Event().wait()
        assert not ref.is_alive
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0


async def test_guarantee_19_a_cancel_while_the_block_closes_makes_it_a_stop() -> None:
    async def block() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Held, valve)
            for number in range(3):
                await ref.send(number)

    valve = Valve()
    async with soon():
        task = started(block())
        await valve.entered.wait()
        task.cancel()
        await ticks(3)
        assert not task.done()  # the current message first
        valve.open.set()
        await asyncio.wait([task])
    assert task.cancelled()
    assert valve.finished == [0]


async def test_guarantee_19_a_second_cancel_is_a_kill() -> None:
    async def block() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Held, valve)
            await ref.send(0)
            await asyncio.Event().wait()

    valve = Valve()
    async with soon():
        task = started(block())
        await valve.entered.wait()
        task.cancel()
        await ticks(3)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert valve.finished == []


@pytest.mark.real_loop("a fair loop")
@pytest.mark.parametrize("where", ["in the body", "while it closes"])
async def test_guarantee_19_a_cancelled_scope_is_one_cancel_however_often_it_is_delivered(where: str) -> None:
    """A scope of anyio cancels its task again in each iteration of the loop; the second is no kill."""
    log: list[str] = []
    async with soon():
        with anyio.CancelScope() as scope:
            async with ActorSystem() as system:
                ref = await system.spawn(Logged, log, name="a")
                await ref.send(1)
                await ref.send(2)
                await ticks(3)
                asyncio.get_running_loop().call_soon(scope.cancel)
                if where == "in the body":
                    await asyncio.Event().wait()
    assert scope.cancelled_caught
    assert log == ["a handles 1", "a has handled 1", "a ends: shutdown"]
    assert (await ref.join()).reason is ExitReason.SHUTDOWN


async def test_guarantee_19_a_cancel_of_the_task_is_a_second_one_beside_that_of_a_scope() -> None:
    async def block() -> None:
        with scope:
            async with ActorSystem() as system:
                ref = await system.spawn(Held, valve)
                await ref.send(0)
                await asyncio.Event().wait()

    valve, scope = Valve(), anyio.CancelScope()
    async with soon():
        task = started(block())
        await valve.entered.wait()
        scope.cancel()
        await ticks(5)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert valve.finished == []


async def test_guarantee_19_a_spawn_in_a_cancelled_scope_is_over_when_the_child_has_ended() -> None:
    class Stubborn(Actor[Any]):
        async def on_start(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await ticks(10)

    async with soon(), ActorSystem() as system:
        with anyio.move_on_after(0.01) as scope:
            await system.spawn(Stubborn, name="stubborn")
        assert scope.cancelled_caught
        assert system.snapshot().actors == ()


async def test_guarantee_19_a_cancel_that_a_background_task_raises_by_itself_is_a_failure_of_its_actor() -> (
    None
):
    class Background(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return self.context.start_soon(self.stray if message == "stray" else asyncio.Event().wait)

        async def stray(self) -> None:
            raise asyncio.CancelledError

    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        ref = await system.spawn(Background)
        task = await ref.ask("wait")
        task.cancel()  # by somebody: no failure
        await ref.ask("stray")
        failure = await anext(failures)
        assert "cancelled from the inside" in str(failure.error)
        assert "stray" in str(failure.error)
        await ref.call(Actor.on_start)
        assert ref.statistics().restarts == 1


@pytest.mark.parametrize("own_loop", [False, True])
async def test_guarantee_19_a_cancel_that_a_handler_has_swallowed_is_over_with_its_message(
    own_loop: bool,
) -> None:
    class Swallowing(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "stray":
                raise asyncio.CancelledError
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    class InALoop(Swallowing):
        async def run(self) -> None:
            await super().run()

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(InALoop if own_loop else Swallowing)
        for message in ("swallow", "swallow", "stray"):
            ref.send_nowait(message)
        await until(lambda: ref.statistics().failed)
        await ref.call(Actor.on_start)
        assert ref.statistics().restarts == 1
        assert ref.is_alive


async def test_guarantee_19_an_exception_of_the_body_stops_all_and_is_raised_unchanged() -> None:
    log: list[str] = []
    error = LookupError("body")
    with pytest.raises(LookupError) as caught:
        async with soon(), ActorSystem() as system:
            await system.spawn(Logged, log, name="a")
            raise error
    assert caught.value is error
    assert log == ["a ends: shutdown"]


async def test_guarantee_19_a_cancel_of_a_call_on_the_system_is_the_callers_own() -> None:
    async with soon(), ActorSystem() as system:
        valve = Valve()
        ref = await system.spawn(Held, valve)
        await ref.send(0)
        await valve.entered.wait()
        waits = [started(ref.join()), started(system.shutdown())]
        await ticks(3)
        for wait in waits:
            assert await cancelled(wait)
        valve.open.set()


class Cancelling(Actor[Any]):
    """Raises CancelledError in the way it is told."""

    async def receive(self, message: Any) -> Any:
        if message == "raise":
            raise asyncio.CancelledError
        if message == "await a cancelled future":
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.cancel()
            await future
        if message == "await a cancelled task":
            task = started(asyncio.Event().wait())
            task.cancel()
            await task
        return message


@pytest.mark.parametrize("way", ["raise", "await a cancelled future", "await a cancelled task"])
@pytest.mark.parametrize("ask", [False, True])
async def test_guarantee_19_a_stray_cancelled_error_is_a_failure_of_the_actor(way: str, ask: bool) -> None:
    async with soon(), ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        ref = await system.spawn(Cancelling)
        if ask:
            error = await outcome(ref.ask(way))
            assert isinstance(error, Exception)
        else:
            await ref.send(way)
        await until(lambda: ref.statistics().restarts == 1)
        assert await ref.ask("next") == "next"
    assert [type(failure.error) async for failure in failures] == [asyncio.CancelledError]


async def test_guarantee_19_a_stray_cancelled_error_in_on_start_is_raised_by_spawn() -> None:
    class Bad(Actor[Any]):
        async def on_start(self) -> None:
            raise asyncio.CancelledError

    async with soon(), ActorSystem() as system:
        spawning = started(system.spawn(Bad))
        await asyncio.wait([spawning])
        assert spawning.cancelled() or isinstance(spawning.exception(), (ActorStoppedError, Exception))
        assert len(system.snapshot()) == 0


async def test_guarantee_19_a_cancel_of_the_actors_task_by_hand_is_a_kill_and_all_are_told() -> None:
    class Watcher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.context.watch(message)

        async def on_terminated(self, event: Any) -> None:
            told.append(event.reason)

    async def cancel_me() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.Event().wait()

    told: list[ExitReason] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent, name="it")
        watcher = await system.spawn(Watcher)
        await watcher.ask(ref)
        error = await outcome(ref.submit(cancel_me))
        assert isinstance(error, ActorStoppedError)
        assert (await ref.join()).reason is ExitReason.KILLED
        await until(lambda: told)
        await system.spawn(Silent, name="it")
    assert told == [ExitReason.KILLED]


async def test_guarantee_19_timeouts_and_cancel_scopes_in_handlers_work() -> None:
    import anyio

    class Timed(Actor[Any]):
        async def receive(self, message: Any) -> str:
            if message == "asyncio":
                try:
                    async with asyncio.timeout(0.001):
                        await asyncio.Event().wait()
                except TimeoutError:
                    return "timeout"
            with anyio.move_on_after(0.001) as scope:
                await anyio.sleep_forever()
            return "timeout" if scope.cancelled_caught else "none"

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Timed)
        for message in ("asyncio", "anyio", "asyncio"):
            assert await ref.ask(message) == "timeout"
        assert ref.statistics().restarts == 0


async def test_guarantee_19_a_handler_that_swallows_a_kill_once_or_twice_ends_all_the_same() -> None:
    class Stubborn(Actor[Any]):
        def __init__(self, swallows: int) -> None:
            self.swallows = swallows

        async def receive(self, message: Any) -> None:
            for _ in range(self.swallows):
                try:
                    entered.set()
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue

    for swallows in (1, 2):
        entered = asyncio.Event()
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Stubborn, swallows)
            await ref.send(1)
            await ref.send(2)
            await entered.wait()
            ref.kill()
            assert (await ref.join()).reason is ExitReason.KILLED
            assert ref.statistics().handled == 1
            assert system.report.abandoned == ()


async def test_guarantee_19_a_handler_that_swallows_every_cancel_is_given_up_and_named() -> None:
    class Stubborn(Actor[Any]):
        async def receive(self, message: Any) -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue
            log.append("finished late")

        async def on_stop(self, reason: Any) -> None:
            log.append("stop")

    let_go = asyncio.Event()
    log: list[str] = []
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Stubborn, name="stubborn")
            await ref.send(1)
            asking = started(outcome(ref.ask(2)))
            await ticks(3)
            ref.kill()
            assert (await ref.join()).reason is ExitReason.KILLED
            assert isinstance(await asking, ActorStoppedError)
            await system.spawn(Silent, name="stubborn")
        assert system.report.abandoned == ("/stubborn",)
        let_go.set()
        await until(lambda: log)
    assert log == ["finished late"]
