"""O5: a suspended actor begins no turn, and what is to be done between two turns is done there or not at all."""

import asyncio
import logging
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
)
from tests.inspection.gates import Gate, Owner, settle, spawned

# -- suspension ------------------------------------------------------------------------------------


async def test_o5_a_suspended_actor_begins_no_turn_until_it_is_resumed() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        mate = await system.spawn(Gate, name="mate")
        ref._cell.watch(mate._cell)
        await inspector.suspend()
        assert inspector.is_suspended
        assert inspector.info().suspended
        gate.context.send_after(0, "tick")
        asked = asyncio.ensure_future(ref.ask("ask"))
        beside = asyncio.ensure_future(ref.call(Gate.beside))
        mate.stop()
        await mate.join()
        await asyncio.sleep(0.01)
        assert (gate.taken, inspector.info().depth) == ([], 3)
        assert not beside.done()
        assert not inspector.info().in_turn
        inspector.resume()
        assert (await asked, await beside) == ("ask", "beside")
        assert gate.taken[0] == "mate"
        assert not inspector.is_suspended


async def test_o5_suspend_returns_when_the_current_turn_has_ended() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await ref.send("next")
        await gate.entered.wait()
        with pytest.raises(TimeoutError):
            await inspector.suspend(timeout=0.01)
        assert not inspector.is_suspended
        suspending = asyncio.ensure_future(inspector.suspend())
        await settle()
        assert not suspending.done()
        gate.open.set()
        await suspending
        assert gate.taken == ["wait"]
        inspector.resume()


async def test_o5_a_lease_that_runs_out_resumes_it_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        ref, _, inspector = await spawned(system)
        await inspector.suspend(lease=0.02)
        with caplog.at_level(logging.WARNING, "actorio"):
            assert await ref.ask(1) == 1
        assert "run out" in caplog.text
        await inspector.suspend(lease=0.01)
        await inspector.suspend(lease=None)
        await asyncio.sleep(0.03)
        assert inspector.is_suspended
        inspector.resume()


async def test_o5_stop_and_kill_work_at_once_while_suspended() -> None:
    async with ActorSystem() as system:
        for end in ("stop", "kill"):
            ref, gate, inspector = await spawned(system)
            await inspector.suspend(lease=None)
            await ref.send("left")
            getattr(ref, end)()
            await ref.join(1)
            assert gate.taken == []


async def test_o5_close_and_the_end_of_the_block_resume_it() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await inspector.suspend(lease=None)
        await ref.send(1)
        ref.close()
        await ref.join(1)
        assert gate.taken == [1]
        other, open_gate, inspector = await spawned(system)
        await inspector.suspend(lease=None)
        await other.send(2)
    assert open_gate.taken == [2]


async def test_o5_a_failure_from_outside_ends_a_suspension() -> None:
    async with ActorSystem() as system:
        ref, _, inspector = await spawned(system)
        await inspector.suspend(lease=None)
        ref._cell.fail_from_outside(ValueError("task"))
        assert await ref.ask(1) == 1
        assert (inspector.info().restarts, inspector.is_suspended) == (1, False)


async def test_o5_an_own_loop_is_suspended_between_two_messages() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Owner)
        owner, inspector = ref._cell.instance, system.inspect(ref)
        await inspector.suspend(lease=None)
        await ref.send(1)
        await settle()
        assert owner.taken == []
        inspector.resume()
        await settle()
        assert owner.taken == [1]


async def test_o5_a_timeout_around_recv_does_not_end_the_suspension() -> None:
    class Patient(Actor[Any]):
        taken: list[Any]
        timeouts = 0

        def __init__(self) -> None:
            self.taken = []

        async def run(self) -> None:
            while True:
                try:
                    async with asyncio.timeout(0.005):
                        self.taken.append(await self.recv())
                except TimeoutError:
                    self.timeouts += 1

    async with ActorSystem() as system:
        ref = await system.spawn(Patient)
        patient, inspector = ref._cell.instance, system.inspect(ref)
        await inspector.suspend(lease=None)
        await ref.send(1)
        await asyncio.sleep(0.03)
        assert (patient.taken, patient.timeouts > 1) == ([], True)
        inspector.resume()
        await asyncio.sleep(0.01)
        assert patient.taken == [1]


async def test_o5_a_cancelled_suspend_does_nothing_later() -> None:
    async with ActorSystem() as system:
        ref, gate, inspector = await spawned(system)
        await ref.send("wait")
        await gate.entered.wait()
        suspending = asyncio.ensure_future(inspector.suspend())
        await settle()
        suspending.cancel()
        gate.open.set()
        assert await ref.ask(1) == 1
        assert not inspector.is_suspended
