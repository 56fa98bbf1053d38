"""A send that is not done with at once: it waits for room, awaited or not. Guarantee 15 has the rest."""

from __future__ import annotations

import gc

import pytest

from actorio import ActorStoppedError, ActorSystem, DeadLetter, Mailbox
from tests.guarantees.actors import Held, Silent, Valve, soon


async def test_a_send_that_is_never_awaited_gets_its_place_all_the_same() -> None:
    valve = Valve()
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Held, valve, mailbox=Mailbox(1))
        await ref.send(0)
        await valve.entered.wait()
        await ref.send(1)
        sending = ref.send(2)
        assert ref.statistics().depth == 1
        valve.open.set()
        del sending
        await ref.ask(3)
    assert valve.finished == [0, 1, 2, 3]


async def test_a_refused_send_is_a_dead_letter_if_nobody_looks_and_an_error_if_somebody_does() -> None:
    async with soon(), ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        ref = await system.spawn(Silent)
        ref.stop()
        await ref.join()
        with pytest.raises(ActorStoppedError):
            await ref.send("seen")
        ref.send("unseen")
        gc.collect()
        assert (await anext(letters)).message == "unseen"
