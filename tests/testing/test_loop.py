"""The loop: virtual time, timers, threads brought inside, and the ends a run can come to."""

import asyncio
import contextvars
import itertools
import math
import signal
import sys
import threading
from typing import cast

import anyio.to_thread
import pytest

from actorio._core.run_queue import RunQueue, Waiter
from actorio.testing import SimDeadlock, SimLivelock, SimLoop, SimulationSettings, simulate
from tests.testing.planted import Main

EXACT = SimulationSettings(quantum=0, step_cost=0)
DAY = 86_400.0
SECOND = 1.0  # of virtual time


def running() -> SimLoop:
    return cast(SimLoop, asyncio.get_running_loop())


# --- time -----------------------------------------------------------------------------------------


def test_a_year_of_sleep_takes_two_steps_a_day() -> None:
    async def main() -> None:
        for _ in range(365):
            await asyncio.sleep(DAY)

    result = simulate(main)
    assert result.elapsed == pytest.approx(365 * DAY, abs=1)
    assert result.steps == 2 * 365 + 2


def test_sleeping_ends_on_multiples_of_the_quantum() -> None:
    async def main() -> list[float]:
        times = []
        for delay in (0.0001, 0.0014, 0.002):
            await asyncio.sleep(delay)
            times.append(running().time())
        return times

    settings = SimulationSettings(quantum=0.001, step_cost=0)
    assert simulate(main, settings=settings).unwrap() == [0.001, 0.003, 0.005]
    assert simulate(main, settings=EXACT).unwrap() == [0.0001, 0.0015, 0.0035]


def test_the_quantum_makes_timers_coincide() -> None:
    async def main() -> float:
        async def wake(delay: float) -> float:
            await asyncio.sleep(delay)
            return running().time()

        first, second = await asyncio.gather(wake(0.0101), wake(0.0107))
        return second - first

    coinciding = [simulate(main, seed=seed, policy="fifo").unwrap() < 0.0001 for seed in range(20)]
    apart = [simulate(main, seed=seed, policy="fifo", settings=EXACT).unwrap() > 0.0005 for seed in range(20)]
    assert all(coinciding)
    assert all(apart)


def test_a_step_costs_time_so_that_timeouts_race_with_work() -> None:
    async def main() -> bool:
        try:
            async with asyncio.timeout(0.001):
                for _ in range(40):
                    await asyncio.sleep(0)
        except TimeoutError:
            return True
        return False

    outcomes = {simulate(main, seed=seed, policy="fifo").unwrap() for seed in range(40)}
    assert outcomes == {False, True}
    assert simulate(main, tape="").unwrap() is False


def test_equal_deadlines_fire_in_any_order_and_others_in_theirs() -> None:
    async def main() -> str:
        fired: list[str] = []
        for name, delay in (("c", 2.0), ("a", 1.0), ("b", 1.0), ("d", 3.0)):
            running().call_later(delay, fired.append, name)
        await asyncio.sleep(4 * SECOND)
        return "".join(fired)

    orders = {simulate(main, seed=seed, policy="fifo").unwrap() for seed in range(50)}
    assert orders == {"abcd", "bacd"}
    assert simulate(main, tape="").unwrap() == "abcd"


def test_a_cancelled_timer_is_neither_run_nor_waited_for() -> None:
    async def main() -> list[str]:
        fired: list[str] = []
        timers = [running().call_later(DAY + number, fired.append, "late") for number in range(500)]
        await asyncio.sleep(SECOND)
        for timer in timers:
            timer.cancel()
        await asyncio.sleep(SECOND)
        return fired

    result = simulate(main)
    assert result.unwrap() == []
    assert result.elapsed < 3


def test_of_timers_that_are_due_together_the_cancelled_ones_are_left_out() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        timers = [running().call_later(number / 10_000, fired.append, number) for number in range(1, 6)]
        for number in (0, 2, 3):
            timers[number].cancel()
        await asyncio.sleep(0.001)
        return fired

    assert simulate(main, tape="").unwrap() == [2, 5]


def test_cancelled_timers_do_not_pile_up() -> None:
    async def main() -> int:
        for _ in range(1_000):
            running().call_later(DAY, print).cancel()
        return len(running()._timers)

    assert simulate(main).unwrap() < 200


def test_nan_is_refused_and_infinity_never_comes() -> None:
    async def not_a_number() -> None:
        running().call_at(math.nan, print)

    async def never() -> None:
        await asyncio.sleep(math.inf)

    async def hardly_ever() -> None:
        await asyncio.sleep(sys.float_info.max)

    assert isinstance(simulate(not_a_number).error, ValueError)
    assert isinstance(simulate(never).error, SimDeadlock)
    assert isinstance(simulate(hardly_ever).error, SimDeadlock)


# --- ends -----------------------------------------------------------------------------------------


def test_livelock_ends_at_the_bound_of_steps() -> None:
    async def spin() -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    async def beat() -> None:
        running().call_later(1, lambda: None)
        asyncio.create_task(spin(), name="spinner")  # noqa: RUF006 - the loop's set keeps it
        await asyncio.Event().wait()

    result = simulate(beat, settings=SimulationSettings(max_steps=500))
    assert isinstance(result.error, SimLivelock)
    assert "after 501 steps" in str(result.error)
    assert "spinner: " in str(result.error)


def test_a_heartbeat_does_not_hide_that_main_hangs() -> None:
    async def main() -> None:
        async def beat() -> None:
            for _ in itertools.count():
                await asyncio.sleep(SECOND)

        asyncio.create_task(beat())  # noqa: RUF006
        await asyncio.Event().wait()

    assert isinstance(simulate(main, settings=SimulationSettings(max_steps=2_000)).error, SimLivelock)


# --- threads, signals -----------------------------------------------------------------------------


async def _in_threads() -> tuple[set[int], float]:
    idents = {
        await asyncio.to_thread(threading.get_ident),
        await anyio.to_thread.run_sync(threading.get_ident),
        await running().run_in_executor(None, threading.get_ident),
    }
    return idents, running().time()


def test_work_for_threads_runs_inline_after_a_drawn_delay() -> None:
    idents, elapsed = zip(*(simulate(_in_threads, seed=seed).unwrap() for seed in range(20)), strict=True)
    assert all(seen == {threading.get_ident()} for seen in idents)
    assert len(set(elapsed)) > 5
    assert max(elapsed) < 0.05


def test_work_for_threads_has_the_callers_context_and_no_running_loop() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    def look() -> tuple[str, bool]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return variable.get(), False
        return variable.get(), True

    async def main() -> list[tuple[str, bool]]:
        variable.set("caller's")
        return [
            await asyncio.to_thread(look),
            await anyio.to_thread.run_sync(look),
            await running().run_in_executor(None, look),
        ]

    assert simulate(main).unwrap() == [("caller's", False), ("caller's", False), ("unset", False)]


def test_failure_of_work_for_threads_reaches_its_caller() -> None:
    def fail() -> None:
        raise ZeroDivisionError("in a thread")

    def stop() -> None:
        raise StopIteration

    def awaiting(function: object) -> Main:
        async def main() -> None:
            await asyncio.to_thread(function)  # type: ignore[arg-type]

        return main

    assert isinstance(simulate(awaiting(fail)).error, ZeroDivisionError)
    assert isinstance(simulate(awaiting(stop)).error, RuntimeError)


def test_an_exit_in_a_thread_reaches_its_caller_as_well() -> None:
    async def main() -> object:
        try:
            await asyncio.to_thread(sys.exit, 3)
        except SystemExit as error:
            return error.code
        return None

    assert simulate(main).unwrap() == asyncio.run(main()) == 3


def test_cancelled_work_for_threads_may_have_begun_and_then_takes_effect() -> None:
    async def main() -> int:
        effects: list[int] = []
        task = asyncio.create_task(asyncio.to_thread(effects.append, 1))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(SECOND)
        return len(effects)

    assert {simulate(main, seed=seed, policy="fifo").unwrap() for seed in range(30)} == {0, 1}


def test_threadsafe_calls_are_plain_calls_in_the_only_thread() -> None:
    async def main() -> str:
        ready = asyncio.Event()
        await asyncio.to_thread(running().call_soon_threadsafe, ready.set)
        await ready.wait()
        return "woken"

    assert simulate(main).unwrap() == "woken"


def test_signals_are_delivered_by_hand() -> None:
    async def main() -> list[str]:
        loop, seen = running(), list[str]()
        loop.add_signal_handler(signal.SIGTERM, seen.append, "term")
        loop.deliver_signal(signal.SIGTERM)
        await asyncio.sleep(0.001)
        assert loop.remove_signal_handler(signal.SIGTERM)
        assert not loop.remove_signal_handler(signal.SIGTERM)
        return seen

    assert simulate(main).unwrap() == ["term"]


# --- tasks and turns -------------------------------------------------------------------------------


def test_a_task_factory_of_the_program_is_respected() -> None:
    class OwnTask(asyncio.Task[None]):
        pass

    async def main() -> bool:
        loop = running()
        loop.set_task_factory(lambda loop, coro, **options: OwnTask(coro, loop=loop, **options))
        task = loop.create_task(asyncio.sleep(0), name="own")
        await task
        return isinstance(task, OwnTask)

    assert simulate(main).unwrap() is True


def test_the_loop_says_what_the_runtime_makes_its_tasks_of() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    async def main() -> tuple[str, int]:
        loop = running()
        task = loop.actorio_task_class(work(), loop=loop, name="actor", context=contextvars.Context())
        await task
        return task.get_name(), hash(task)

    assert simulate(main).unwrap() == ("actor", 2)


def test_the_loop_chooses_for_the_run_queue_of_the_runtime() -> None:
    async def main() -> list[int]:
        run_queue = RunQueue(running())
        waiters = [Waiter(run_queue) for _ in range(4)]
        return [running().actorio_choose(waiters[:count]) for count in (1, 2, 3, 4) for _ in range(20)]

    chosen = simulate(main, policy="random").unwrap()
    assert chosen[:20] == [0] * 20
    assert set(chosen[60:]) == set(range(4))
    assert set(simulate(main, policy="pct").unwrap()[20:40]) <= {0, 1}
    assert simulate(main, policy="fifo").unwrap() == [0] * 80
    assert simulate(main, tape="actor=0:1").unwrap()[20] == 1
