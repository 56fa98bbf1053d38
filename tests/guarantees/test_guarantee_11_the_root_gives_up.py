"""Guarantee 11: when the top gives up, the body is cancelled and the block raises; nothing fails silently."""

# ruff: noqa: PT012 -- the block as a whole is what raises

import asyncio
from typing import Any

import pytest

from actorio import (
    ActorFailed,
    ActorStoppedError,
    ActorSystem,
    ExitReason,
    RestartLimitError,
    Supervision,
)
from tests.stage import NEVER, Boom, Diary, Puppet, in_virtual_time, spawn_children, ticks, until

TOP_BUDGET = 3
"""Restarts that the top level allows by default."""
A_SECOND = 1.0  # of virtual time


async def exhaust(actor: Any, budget: int = TOP_BUDGET) -> None:
    """Crash an actor until its supervisor gives up."""
    for number in range(budget + 1):
        actor.send_nowait(Boom(number))


def causes(error: BaseException) -> list[type[BaseException]]:
    """Return the types of an exception and of its causes."""
    types, cause = [], error
    while cause is not None:
        types.append(type(cause))
        cause = cause.__cause__  # type: ignore[assignment]
    return types


async def test_guarantee_11_the_body_is_cancelled_and_the_block_raises_the_cause() -> None:
    cancelled = False
    with pytest.raises(ExceptionGroup) as raised:
        async with ActorSystem("shop") as system:
            actor = await system.spawn(Puppet, name="till")
            await exhaust(actor)
            try:
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                cancelled = True
                raise
    assert cancelled
    (limit,) = raised.value.exceptions
    assert causes(limit) == [RestartLimitError, Boom]
    assert limit.__cause__.args == (TOP_BUDGET,)  # type: ignore[union-attr]
    assert "/till" in limit.__notes__[0]
    assert "'shop'" in limit.__notes__[-1]
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def test_guarantee_11_the_chain_of_causes_goes_down_to_the_first_failure() -> None:
    tight = Supervision(max_restarts=0)

    class Parent(Puppet):
        """Has a child that fails, time after time."""

        async def on_start(self) -> None:
            self.supervision = tight  # type: ignore[misc]
            child = await self.context.spawn(Puppet, name="child")
            child.send_nowait(Boom("the first"))

    with pytest.raises(ExceptionGroup) as raised:
        async with ActorSystem() as system:
            await system.spawn(Parent, name="parent")
            await asyncio.sleep(NEVER)
    (limit,) = raised.value.exceptions
    assert causes(limit) == [RestartLimitError, RestartLimitError, Boom]
    notes = [limit.__notes__, limit.__cause__.__notes__]  # type: ignore[union-attr]
    assert ["/parent failed" in notes[0][0], "/parent/child failed" in notes[1][0]] == [True, True]


async def test_guarantee_11_the_others_are_stopped_in_order_first() -> None:
    diary: Diary = []
    with pytest.raises(ExceptionGroup):
        async with ActorSystem() as system:
            for name in ("a", "b"):
                await system.spawn(Puppet, diary, name=name)
            bad = await system.spawn(Puppet, name="bad")
            await exhaust(bad)
            await asyncio.sleep(NEVER)
    assert diary[2:] == [("b", "stop", ExitReason.SHUTDOWN), ("a", "stop", ExitReason.SHUTDOWN)]


async def test_guarantee_11_a_failure_while_the_block_is_left_is_raised_too() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with ActorSystem() as system:
            actor = await system.spawn(Puppet)
            await exhaust(actor)
            await actor.send("after a failure too many")
    assert causes(raised.value.exceptions[0]) == [RestartLimitError, Boom]


async def test_guarantee_11_an_exception_of_the_body_is_in_the_group_as_well() -> None:
    own = ValueError("of the body")
    with pytest.raises(ExceptionGroup) as raised:
        async with ActorSystem() as system:
            actor = await system.spawn(Puppet)
            await exhaust(actor)
            try:
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                raise own from None
    assert raised.value.exceptions[1] is own
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def _raise_meanwhile(error: BaseException) -> None:
    async with ActorSystem("shop") as system:
        await exhaust(await system.spawn(Puppet))
        try:
            await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            raise error from None


class Odd(BaseException):
    """Neither an error nor an exit."""


@pytest.mark.parametrize("own", [Odd(), GeneratorExit()])
async def test_guarantee_11_whatever_else_the_body_raises_is_in_the_group_too(own: BaseException) -> None:
    with pytest.raises(BaseExceptionGroup) as raised:
        await _raise_meanwhile(own)
    limit, second = raised.value.exceptions
    assert isinstance(limit, RestartLimitError)
    assert second is own
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]


@pytest.mark.real_loop("the log")
@pytest.mark.parametrize("own", [SystemExit(4), KeyboardInterrupt()])
async def test_guarantee_11_an_exit_of_the_body_is_raised_itself_and_the_failure_is_told(
    own: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(type(own)) as raised:
        await _raise_meanwhile(own)
    assert raised.value is own
    assert ["'shop' has failed: [RestartLimitError(" in note for note in own.__notes__] == [True]
    logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
    (failed,) = [error for error in logged if isinstance(error, ExceptionGroup)]
    assert isinstance(failed.exceptions[0], RestartLimitError)
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]
    del own.__notes__


async def test_guarantee_11_a_body_that_swallows_the_cancel_does_not_hide_the_failure() -> None:
    with pytest.raises(ExceptionGroup):
        async with ActorSystem() as system:
            actor = await system.spawn(Puppet)
            await exhaust(actor)
            try:
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                await ticks()
            with pytest.raises(ActorStoppedError):
                await system.spawn(Puppet)
    assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def test_guarantee_11_an_outside_cancel_at_the_same_time_is_not_lost() -> None:
    async def block() -> None:
        async with ActorSystem() as system:
            actor = await system.spawn(Puppet)
            actors.append(actor)
            await exhaust(actor)
            await asyncio.sleep(NEVER)

    actors: list[Any] = []
    task = asyncio.ensure_future(block())
    await until(lambda: actors and not actors[0].is_alive)
    in_time = task.cancel()
    await asyncio.wait([task])
    failed = task.exception()
    assert isinstance(failed, ExceptionGroup)
    assert task.cancelling() == in_time


async def test_guarantee_11_every_failure_is_told_to_subscribers_once() -> None:
    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=0))
        (child,) = await spawn_children(parent, "c")
        await child.send(Boom("one"))
        await until(lambda: parent.statistics().restarts)
        parent.stop()
        await parent.join()
        system.events.close()
        errors = [type(event.error) async for event in failures]
    assert errors == [Boom, RestartLimitError]


@pytest.mark.real_loop("the log")
@in_virtual_time
async def test_guarantee_11_failures_are_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=100))
        (child,) = await spawn_children(parent, "c")
        for second in range(3):
            for number in range(10):
                child.send_nowait(Boom(second, number))
            await child.ask("up")
            await asyncio.sleep(A_SECOND)
    records = [record for record in caplog.records if record.name == "actorio" and record.exc_info]
    assert [record.exc_info[1].args for record in records] == [(0, 0), (1, 0), (2, 0)]  # type: ignore[index, union-attr]
    told = [record.getMessage() for record in caplog.records if "not logged" in record.getMessage()]
    of_failures = [
        text for text in told if "9 more like it were not logged" in text or "9 more of Boom" in text
    ]
    assert len(of_failures) == 3  # the second and the third record, and the end
