"""One run: what it answers, what it finds wrong unasked, and what it leaves behind."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from actorio.testing import SimUnhandled, simulate

SECOND = 1.0  # of virtual time


async def answer() -> int:
    await asyncio.sleep(SECOND)
    return 42


def test_a_run_that_passes_gives_the_value() -> None:
    result = simulate(answer, seed=3, policy="pct")
    assert (result.unwrap(), result.error, result.seed, result.policy) == (42, None, 3, "pct")
    assert result.steps > 0
    assert 1 <= result.elapsed < 1.01
    assert result.leftovers == ()


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), asyncio.CancelledError(), AssertionError()]
)
def test_a_run_that_fails_keeps_the_error(error: BaseException) -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        raise error

    result = simulate(main)
    assert result.error is error
    with pytest.raises(type(error)):
        result.unwrap()


def test_keyboard_interrupt_is_for_the_person_at_the_keyboard() -> None:
    async def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(main)
    assert simulate(answer).unwrap() == 42


def test_the_trace_is_the_tail_of_the_log_or_all_of_it() -> None:
    async def main() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    short, whole = simulate(main), simulate(main, trace=True)
    assert len(short.trace) == 40
    assert len(whole.trace) == whole.steps
    assert whole.trace[-40:] == short.trace
    assert whole.trace[0].split() == ["1", "0.000000", "s", "main"]


def test_a_failed_task_that_nobody_looked_at_fails_the_run() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("unseen")

    async def main() -> str:
        task = asyncio.create_task(fail(), name="doomed")
        await asyncio.wait([task])
        return "passed"

    result = simulate(main)
    assert isinstance(result.error, SimUnhandled)
    assert isinstance(result.error.__cause__, ZeroDivisionError)
    assert "\n  doomed: " in str(result.error)
    assert "exception was never retrieved: ZeroDivisionError('unseen')" in str(result.error)


def test_a_failed_callback_fails_the_run_unless_the_program_has_a_handler() -> None:
    async def fails() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.001)

    async def handles() -> list[str]:
        reports: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report["message"]))
        await fails()
        return reports

    assert isinstance(simulate(fails).error, SimUnhandled)
    assert len(simulate(handles).unwrap()) == 1


def test_tasks_left_behind_are_named_and_cancelled_in_order_of_birth() -> None:
    ended = []

    async def stay(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def main() -> None:
        for number in range(20):
            asyncio.create_task(stay(number), name=f"stay {number}")  # noqa: RUF006
        await asyncio.sleep(0.001)

    result = simulate(main)
    assert result.error is None
    assert result.leftovers == tuple(f"stay {number}" for number in range(20))
    assert ended == list(range(20))


def test_a_task_that_ignores_its_cancellation_does_not_hold_up_the_end() -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(SECOND)

    async def main() -> str:
        asyncio.create_task(stubborn(), name="stubborn")  # noqa: RUF006
        await asyncio.sleep(0.001)
        return "passed"

    result = simulate(main)
    assert result.unwrap() == "passed"
    assert result.leftovers == ("stubborn",)


def test_clearing_away_is_no_part_of_the_run() -> None:
    async def break_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    async def main() -> str:
        asyncio.create_task(break_when_cancelled())  # noqa: RUF006
        await asyncio.sleep(0.001)
        return "passed"

    result = simulate(main, trace=True)
    assert result.unwrap() == "passed"
    assert len(result.trace) == result.steps


@pytest.mark.parametrize("how", ["callback", "task", "cancel"])
def test_what_is_set_off_by_clearing_away_is_no_part_of_the_run(how: str) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def stay() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            if how == "callback":
                asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            elif how == "task":
                asyncio.create_task(fail())  # noqa: RUF006
            else:
                for task in asyncio.all_tasks() - {
                    asyncio.current_task()
                }:  # the one that clears away as well
                    task.cancel()

    async def main() -> str:
        asyncio.create_task(stay(), name="stay")  # noqa: RUF006
        await asyncio.sleep(0.001)
        return "passed"

    result = simulate(main)
    assert result.unwrap() == "passed"
    assert result.leftovers == ("stay",)


def test_a_task_that_failed_in_the_run_is_told_of_though_a_task_that_is_left_holds_it() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("unseen")

    async def stay() -> None:
        failed = asyncio.create_task(fail(), name="doomed")
        await asyncio.Event().wait()
        await failed

    async def main() -> None:
        asyncio.create_task(stay())  # noqa: RUF006
        await asyncio.sleep(0.001)

    assert "\n  doomed: " in str(simulate(main).error)


def test_generators_left_open_are_closed_in_the_order_they_were_begun() -> None:
    closed, kept = [], []

    async def numbers(name: int) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(name)

    async def main() -> None:
        for name in range(20):
            generator = numbers(name)
            kept.append(generator)
            await anext(generator)

    assert simulate(main).error is None
    assert closed == list(range(20))


async def test_not_to_be_called_within_an_event_loop() -> None:
    with pytest.raises(RuntimeError, match="plain function"):
        simulate(answer)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_an_eager_task_factory_is_respected() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def work() -> None:
            seen.append("begun")
            await asyncio.sleep(0)

        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        task = asyncio.create_task(work())
        seen.append("made")
        await task
        return seen

    assert simulate(main).unwrap() == ["begun", "made"]
