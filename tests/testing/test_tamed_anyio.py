"""What anyio does behind the back of the loop follows the run: worker threads, and the order of its scopes."""

import asyncio
import threading
from contextvars import ContextVar

import anyio
import anyio.to_thread
import pytest
from anyio._backends._asyncio import AsyncIOBackend, CancelScope

from actorio.testing import simulate
from tests.testing import planted

WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_work_for_a_worker_thread_runs_in_the_only_thread_with_the_contextvars_of_its_caller() -> None:
    async def main() -> tuple[bool, str]:
        WHO.set("caller")
        here = threading.get_ident()
        there = await anyio.to_thread.run_sync(threading.get_ident)
        return there == here, await anyio.to_thread.run_sync(WHO.get)

    assert simulate(main).unwrap() == (True, "caller")


def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise LookupError("no")

    async def main() -> None:
        await anyio.to_thread.run_sync(fail)

    with pytest.raises(LookupError, match="no"):
        simulate(main).unwrap()


def test_a_limiter_lets_no_more_run_at_once() -> None:
    async def main() -> list[int]:
        limiter = anyio.CapacityLimiter(2)
        seen: list[int] = []
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(lambda: anyio.to_thread.run_sync(lambda: None, limiter=limiter))
            for _ in range(200):
                seen.append(limiter.borrowed_tokens)
                await asyncio.sleep(0.001)
        return seen

    assert max(simulate(main).unwrap()) == 2


@pytest.mark.parametrize("abandon", [False, True])
def test_a_cancel_waits_for_the_work_unless_it_may_be_abandoned(abandon: bool) -> None:
    """In the simulation the work takes its drawn time and is then done at once."""

    async def main() -> tuple[bool, list[str]]:
        done: list[str] = []
        with anyio.move_on_after(0) as scope:
            await anyio.to_thread.run_sync(lambda: done.append("done"), abandon_on_cancel=abandon)
        return scope.cancelled_caught, done

    runs = [simulate(main, seed=seed).unwrap() for seed in range(20)]
    if not abandon:
        assert all(done == ["done"] or caught for caught, done in runs)
    assert any(caught for caught, _ in runs)


def test_scopes_are_cancelled_in_the_order_in_which_they_were_opened() -> None:
    first, second = (simulate(planted.scope_cancel_order, policy="fifo").unwrap() for _ in range(2))
    assert first == second
    assert sorted(first) == list(range(20))


def test_anyio_is_itself_again_after_a_run() -> None:
    before = AsyncIOBackend.__dict__["run_sync_in_worker_thread"], CancelScope.__hash__
    simulate(planted.disorder_in_anyio)
    assert (AsyncIOBackend.__dict__["run_sync_in_worker_thread"], CancelScope.__hash__) == before


def test_a_program_in_another_thread_goes_on_as_it_was() -> None:
    begin, seen = threading.Event(), list[object]()

    async def elsewhere() -> None:
        with CancelScope() as scope:
            seen.append(hash(scope) == object.__hash__(scope))
            seen.append(await anyio.to_thread.run_sync(threading.get_ident) != threading.get_ident())

    def other() -> None:
        begin.wait()
        anyio.run(elsewhere)

    thread = threading.Thread(target=other)
    thread.start()

    async def main() -> None:
        begin.set()
        while thread.is_alive():  # noqa: ASYNC110 - no event can tell
            await asyncio.sleep(0)

    error = simulate(main).error
    begin.set()
    thread.join()
    assert error is None
    assert seen == [True, True]
