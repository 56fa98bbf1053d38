"""Actors that own their loop: `run`, `recv`, `ActorExit`."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorExit,
    ActorFailed,
    ActorRef,
    ActorSystem,
    Backoff,
    ExitReason,
    Restart,
    RestartLimitError,
    Supervision,
    Terminated,
)
from actorio.testing import explore, until
from tests.guarantees.actors import Silent, cancelled, outcome, soon, started
from tests.stage import ticks


class Printer(Actor[Any]):
    """The recipe's: an endless loop around `recv`."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def run(self) -> None:
        try:
            while True:
                self.log.append(await self.recv())
        finally:
            await ticks(3)
            self.log.append("cleaned up")

    async def on_stop(self, reason: ExitReason) -> None:
        self.log.append(reason)


async def test_close_lets_it_take_what_was_accepted_and_ends_it_by_actor_exit() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Printer, log)
        for number in range(3):
            await ref.send(number)
        ref.close()
        assert (await ref.join()).reason is ExitReason.NORMAL
    assert log == [0, 1, 2, "cleaned up", ExitReason.NORMAL]


async def test_stop_ends_it_at_its_next_recv() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Printer, log)
        await ref.send(0)
        await until(lambda: log)
        for number in range(1, 3):
            await ref.send(number)
        ref.stop()
        assert (await ref.join()).reason is ExitReason.SHUTDOWN
    assert log == [0, "cleaned up", ExitReason.SHUTDOWN]


async def test_kill_cancels_it_and_its_cleaning_up_runs() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Printer, log)
        await ticks(2)
        ref.kill()
        assert (await ref.join()).reason is ExitReason.KILLED
    assert log == ["cleaned up"]


class Returning(Actor[Any]):
    """Returns after its first message."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def run(self) -> None:
        self.log.append((self.context.incarnation, await self.recv()))


async def test_returning_ends_it_normally_and_the_rest_is_undelivered() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Returning, log)
        await ref.send(1)
        await ref.send(2)
        ended = await ref.join()
        assert (ended.reason, ended.error) == (ExitReason.NORMAL, None)
        assert ref.statistics().handled == 1
    assert log == [(0, 1)]


async def test_a_permanent_one_that_returns_is_started_again() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Returning, log, restart=Restart.PERMANENT)
        await ref.send(1)
        await ref.send(2)
        await until(lambda: len(log) == 2)
        ref.close()
    assert log == [(0, 1), (1, 2)]


async def test_a_failure_outside_of_recv_restarts_it_and_the_mail_goes_on() -> None:
    class Failing(Actor[Any]):
        async def run(self) -> None:
            while True:
                message = await self.recv()
                if message == "fail":
                    raise ValueError
                log.append(message)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing)
        for message in (1, "fail", 2):
            await ref.send(message)
    assert log == [1, 2]
    assert ref.statistics().restarts == 1


async def test_a_failure_from_outside_lets_it_clean_up_and_is_its_failure() -> None:
    class Parent(Printer):
        async def on_start(self) -> None:
            self.context.start_soon(self.fail)

        async def fail(self) -> None:
            await go.wait()
            raise ValueError("in the background")

    go = asyncio.Event()
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Parent, log, restart=Restart.TEMPORARY)
        await ref.send(1)
        await until(lambda: log)
        go.set()
        ended = await ref.join()
    assert (ended.reason, type(ended.error)) == (ExitReason.CRASHED, ValueError)
    assert log == [1, "cleaned up", ExitReason.CRASHED]


async def test_a_notice_that_fails_fails_the_actor_and_cannot_be_swallowed_by_its_loop() -> None:
    class Watcher(Actor[Any]):
        async def run(self) -> None:
            while True:
                try:
                    self.context.watch(await self.recv())
                except Exception as error:
                    log.append(type(error))

        async def on_terminated(self, event: Terminated) -> None:
            raise LookupError

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        other = await system.spawn(Silent)
        ref = await system.spawn(Watcher, restart=Restart.TEMPORARY)
        await ref.send(other)
        await ticks(3)
        other.stop()
        assert isinstance((await ref.join()).error, LookupError)
    assert log == [ActorExit]


@pytest.mark.parametrize("end", ["close", "stop"])
async def test_one_that_swallows_actor_exit_and_asks_on_ends_all_the_same(end: str) -> None:
    class Swallowing(Actor[Any]):
        async def run(self) -> None:
            try:
                while True:
                    try:
                        await self.recv()
                    except Exception:
                        log.append("swallowed")
            finally:
                log.append("cleaned up")

    log: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Swallowing)
        await ref.send(1)
        await ticks(3)
        getattr(ref, end)()
        await ref.join()
    assert log == ["swallowed", "cleaned up"]


async def test_a_timeout_around_recv_loses_no_message() -> None:
    class Patient(Actor[Any]):
        async def run(self) -> None:
            while True:
                try:
                    async with asyncio.timeout(0.001):
                        log.append(await self.recv())
                except TimeoutError:
                    log.append("idle")

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Patient)
        for number in range(3):
            before = log.count("idle")
            await until(lambda before=before: log.count("idle") > before)
            await ref.send(number)
        await until(lambda: 2 in log)
    assert [entry for entry in log if entry != "idle"] == [0, 1, 2]


async def test_recv_in_a_task_of_its_own_is_an_error_that_says_what_to_use_and_loses_no_message() -> None:
    class Hasty(Actor[Any]):
        async def run(self) -> None:
            if not self.context.incarnation:
                await asyncio.get_running_loop().create_task(self.recv())
            log.append(await self.recv())

    log: list[Any] = []
    async with soon(), ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        ref = await system.spawn(Hasty)
        await ref.send(1)
        error = (await anext(failures)).error
        await ref.join()
    assert isinstance(error, RuntimeError)
    assert "asyncio.timeout" in str(error)
    assert log == [1]


@pytest.mark.parametrize("cause", ["child", "task"])
async def test_a_failure_that_comes_as_run_ends_is_not_lost(cause: str) -> None:
    class Unready(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise LookupError(message)

    class Leaving(Actor[Any]):
        supervision = Supervision(max_restarts=0)

        async def fail(self) -> None:
            raise LookupError("task")

        async def run(self) -> None:
            if cause == "task":
                self.context.start_soon(self.fail)
            else:
                await (await self.context.spawn(Unready)).send("fail")
            await ticks(5)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Leaving, restart=Restart.TEMPORARY)
        end = await ref.join()
    assert end.reason is ExitReason.CRASHED
    assert isinstance(end.error, LookupError if cause == "task" else RestartLimitError)


async def _end_as_a_task_fails() -> None:
    class Leaving(Actor[Any]):
        def __init__(self) -> None:
            self.is_told = asyncio.Event()

        async def fail(self) -> None:
            await asyncio.sleep(0)
            self.is_told.set()
            raise LookupError("task")

        async def run(self) -> None:
            self.context.start_soon(self.fail)
            await self.is_told.wait()

    async with ActorSystem() as system:
        ref = await system.spawn(Leaving, restart=Restart.TEMPORARY)
        assert (await ref.join()).reason is ExitReason.CRASHED


def test_a_failure_that_comes_as_run_ends_is_not_lost_in_whatever_order_the_loop_goes_on() -> None:
    assert explore(_end_as_a_task_fails, seeds=range(60)).distinct > 10


async def test_calls_and_submitted_work_run_while_it_waits_and_never_while_it_works() -> None:
    class Working(Actor[Any]):
        busy = False

        async def run(self) -> None:
            while True:
                await self.recv()
                self.busy = True
                await ticks(5)
                self.busy = False

        async def look(self) -> bool:
            return self.busy

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Working)
        for _ in range(3):
            await ref.send(0)
            assert await ref.call(Working.look) is False
        assert await ref.submit(int) == 0


async def test_work_submitted_to_an_own_loop_that_fails_is_an_answer() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Printer, [])
        assert isinstance(await outcome(ref.submit(lambda: 1 / 0)), ZeroDivisionError)
        assert await ref.submit(int) == 0
        assert ref.statistics().restarts == 0


async def test_cancelled_work_of_an_own_loop_leaves_the_loop_alone() -> None:
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Printer, log)
        result = ref.submit(asyncio.Event().wait)
        await ticks(3)
        result.cancel()
        await ref.send(1)
        await until(lambda: log)
    assert log == [1, "cleaned up", ExitReason.NORMAL]


async def test_an_ask_cancelled_while_an_own_loop_has_it_in_hand_changes_nothing() -> None:
    class Slow(Actor[Any]):
        async def run(self) -> None:
            while True:
                message = await self.recv()
                entered.set()
                await gate.wait()
                self.context.reply(message)
                log.append(message)

    entered, gate = asyncio.Event(), asyncio.Event()
    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Slow)
        asking = started(ref.ask(1))
        await entered.wait()
        assert await cancelled(asking)
        gate.set()
        assert await ref.ask(2) == 2
    assert log == [1, 2]


async def test_an_own_loop_may_defer_an_ask() -> None:
    class Deferring(Actor[Any]):
        async def run(self) -> None:
            while True:
                message = await self.recv()
                handle = self.context.defer()
                handle.set_result(message + 1)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Deferring)
        assert [await ref.ask(number) for number in range(3)] == [1, 2, 3]


async def test_recv_may_be_called_through_other_coroutines() -> None:
    class Layered(Actor[Any]):
        async def run(self) -> None:
            while True:
                pair = await self.take_two()
                log.append(pair)

        async def take_two(self) -> tuple[Any, Any]:
            return await self.recv(), await self.recv()

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Layered)
        for number in range(4):
            await ref.send(number)
    assert log == [(0, 1), (2, 3)]


async def test_an_own_loop_may_spawn_watch_and_ask() -> None:
    class Boss(Actor[Any]):
        supervision = Supervision(backoff=Backoff())

        async def run(self) -> None:
            child: ActorRef[Any] = await self.context.spawn(Printer, log)
            self.context.watch(child)
            await child.send(await self.recv())
            await until(lambda: log)
            child.stop()
            await self.recv()

        async def on_terminated(self, event: Terminated) -> None:
            log.append("told")

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Boss)
        await ref.send("message")
        await until(lambda: "told" in log)
    assert log == ["message", "cleaned up", ExitReason.SHUTDOWN, "told"]


class Owner(Actor[Any]):
    """Takes its messages inside of a task group, which wraps what leaves it."""

    def __init__(self, depth: int = 1, beside: Exception | None = None) -> None:
        self.depth = depth
        self.beside = beside

    async def run(self) -> None:
        await self.within(self.depth)

    async def within(self, depth: int) -> None:
        if not depth:
            while True:
                await self.recv()
        async with asyncio.TaskGroup() as group:
            ticker = group.create_task(self.tick())
            try:
                await self.within(depth - 1)
            finally:
                if self.beside is None:
                    ticker.cancel()

    async def tick(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.beside is not None:
                raise self.beside from None
            raise


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("end", "reason"), [("close", ExitReason.NORMAL), ("stop", ExitReason.SHUTDOWN)])
async def test_guarantee_08_an_own_loop_inside_a_task_group_ends_in_order(
    end: str, reason: ExitReason, depth: int
) -> None:
    async with ActorSystem() as system:
        failures = system.events.subscribe(ActorFailed)
        ref = await system.spawn(Owner, depth)
        await ref.send(1)
        getattr(ref, end)()
        told = await ref.join()
        assert (told.reason, told.error) == (reason, None)
    assert [failure async for failure in failures] == []


async def test_an_exception_beside_the_exit_of_a_task_group_is_a_failure() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Owner, 1, ValueError("beside"))
        await ref.send(1)
        await ticks(3)
        ref.stop()
        told = await ref.join()
        assert told.reason is ExitReason.CRASHED
        assert isinstance(told.error, ExceptionGroup)


async def test_a_handler_whose_task_group_holds_nothing_but_an_exit_ends_its_actor_normally() -> None:
    class Grouped(Actor[Any]):
        async def receive(self, message: Any) -> None:
            async with asyncio.TaskGroup():
                raise ActorExit

    async with ActorSystem() as system:
        ref = await system.spawn(Grouped)
        await ref.send(1)
        told = await ref.join()
        assert (told.reason, told.error) == (ExitReason.NORMAL, None)


async def test_guarantee_08_a_task_that_failed_before_run_returns_fails_the_actor() -> None:
    async def fail() -> None:
        raise ValueError("before the end")

    class Ends(Actor[Any]):
        async def run(self) -> None:
            self.context.start_soon(fail)
            await asyncio.sleep(0)

    async with soon(), ActorSystem() as system:
        actor = await system.spawn(Ends, restart=Restart.TEMPORARY)
        ended = await actor.join()
    assert ended.reason is ExitReason.CRASHED
    assert isinstance(ended.error, ValueError)
