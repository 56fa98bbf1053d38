"""A probe says what it was sent, and fails with the two side by side."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, ExitReason
from actorio.testing import Probe, run_in_virtual_time
from tests.testing.bank import Account, Balance, Set

Main = Callable[[], Coroutine[Any, Any, Any]]


class Echo(Actor[Any]):
    def __init__(self, to: ActorRef[Any]) -> None:
        self.to = to

    async def receive(self, message: Any) -> None:
        for item in message if isinstance(message, list) else [message]:
            await self.to.send(item)


async def echoing(system: ActorSystem, *messages: Any) -> Probe:
    probe = await Probe.spawn(system, name="probe")
    echo = await system.spawn(Echo, probe.ref)
    for message in messages:
        await echo.send(message)
    return probe


async def test_what_was_expected_is_returned() -> None:
    async with ActorSystem() as system:
        probe = await echoing(system, Set(1), Set(2), "text")
        assert await probe.expect(Set(1)) == Set(1)
        assert (await probe.expect(Set)).amount == 2
        assert await probe.expect(str) == "text"


async def test_another_message_is_named_with_what_came_after_it() -> None:
    async with ActorSystem() as system:
        probe = await echoing(system, [Set(1), *range(7)])
        expected = "expected 'x' and was sent Set(amount=1); after it: 0, 1, 2, 3, 4 and 2 more"
        await asyncio.sleep(0.001)
        with pytest.raises(AssertionError, match=re.escape(f"/probe {expected}")):
            await probe.expect("x")


def test_silence_is_an_error_once_the_time_is_over() -> None:
    async def main() -> float:
        async with ActorSystem() as system:
            probe = await Probe.spawn(system)
            with pytest.raises(AssertionError, match="expected a Set, and was sent nothing in 10 s"):
                await probe.expect(Set, timeout=10)
            return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main) == 10


def test_a_message_that_comes_within_the_time_is_in_time() -> None:
    async def main() -> float:
        async with ActorSystem() as system:
            probe = await Probe.spawn(system)
            asyncio.get_running_loop().call_later(2, probe.ref.send_nowait, "late")
            await probe.expect("late")
            return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main) == 2


async def test_nothing_is_expected_and_nothing_comes() -> None:
    async with ActorSystem() as system:
        probe = await echoing(system, 1)
        with pytest.raises(AssertionError, match="expected nothing and was sent 1"):
            await probe.expect_none()
        await probe.expect_none(within=0.001)


async def test_fishing_passes_over_what_does_not_fit() -> None:
    async with ActorSystem() as system:
        probe = await echoing(system, [1, 2, Set(3), 4, 5])
        assert await probe.fish(Set) == Set(3)
        assert await probe.fish(lambda message: message > 4) == 5
        probe.ref.send_nowait(6)
        probe.ref.send_nowait(7)
        with pytest.raises(AssertionError, match=r"nothing in .*; passed over: 6, 7"):
            await probe.fish(Set, timeout=0.01)


async def test_the_end_of_an_actor_is_waited_for() -> None:
    async with ActorSystem() as system:
        probe = await Probe.spawn(system)
        account = await system.spawn(Account)
        with pytest.raises(AssertionError, match=r"/Account-1 had not ended within 0.01 s; it is running"):
            await probe.expect_terminated(account, timeout=0.01)
        account.stop()
        assert (await probe.expect_terminated(account)).reason is ExitReason.SHUTDOWN


async def _answer_two_in_order(probe: Probe) -> None:
    asks = [asyncio.create_task(probe.ref.ask(number)) for number in range(2)]
    assert [await probe.expect(int), await probe.expect(int)] == [0, 1]
    probe.reply("first")
    probe.fail(KeyError("second"))
    assert await asks[0] == "first"
    with pytest.raises(KeyError, match="second"):
        await asks[1]


async def test_asks_are_answered_by_hand_in_order() -> None:
    async with ActorSystem() as system:
        probe = await Probe.spawn(system)
        await _answer_two_in_order(probe)
        with pytest.raises(AssertionError, match="has no ask to answer"):
            probe.reply(None)


async def test_asks_are_answered_by_a_function() -> None:
    async with ActorSystem() as system:
        probe = await Probe.spawn(system)
        probe.answer_with(lambda message: 42 if isinstance(message, Balance) else None)
        assert await probe.ref.ask(Balance()) == 42
        await probe.expect(Balance)


async def test_an_ask_that_was_given_up_is_answered_after_those_that_wait() -> None:
    async with ActorSystem() as system:
        probe = await Probe.spawn(system)
        impatient = asyncio.create_task(probe.ref.ask("given up"))
        await probe.expect("given up")
        impatient.cancel()
        await _answer_two_in_order(probe)
        probe.reply("too late")  # a late reply can be played, and reaches nobody
        with pytest.raises(AssertionError, match="has no ask to answer"):
            probe.reply(None)
