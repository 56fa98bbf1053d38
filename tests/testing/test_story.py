"""The story of a run: who sent what to whom, what was handled, what failed, and because of what."""

import asyncio
import contextlib
from typing import Any

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, Mailbox
from actorio.testing import SimDeadlock, SimulationResult, simulate


class Relay(Actor[Any]):
    """Passes on what it gets, and fails at the end of the line."""

    def __init__(self, to: ActorRef[Any] | None = None) -> None:
        self.to = to

    async def receive(self, message: Any) -> Any:
        if message == "slow":
            await asyncio.sleep(0.01)
        elif self.to is not None:
            await self.to.send(message)
        elif message == "bad":
            raise ValueError("no")
        return len(str(message))


def told(result: SimulationResult[Any]) -> list[str]:
    """Return the lines without their times."""
    result.unwrap()
    return [line.split(" s  ", 1)[1] for line in result.story]


def test_a_failure_is_told_with_the_messages_that_led_to_it() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            end = await system.spawn(Relay, name="end")
            middle = await system.spawn(Relay, end, name="middle")
            await middle.send("bad")

    lines = told(simulate(main, policy="fifo"))
    failed = lines.index("/end FAILS: ValueError('no')")
    assert lines[failed + 1 : failed + 3] == [
        "    because /middle sent it #2 'bad', while it handled #1",
        "    because main sent it #1 'bad'",
    ]
    assert lines.index("main -> /middle  #1 'bad'") < lines.index("/middle begins #1 'bad'") < failed


def test_asks_are_told_with_their_outcome() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Relay, name="relay")
            await ref.ask("four")
            with contextlib.suppress(ValueError):
                await ref.ask("bad")
            hasty = asyncio.create_task(ref.ask("slow", timeout=1))
            late = asyncio.create_task(ref.ask("late"))
            await asyncio.sleep(0.001)
            late.cancel()
            await hasty

    lines = told(simulate(main, policy="fifo"))
    assert "/relay answers #1 with 4" in lines
    assert "/relay answers #2 by ValueError('no')" in lines
    assert "#4 of /relay is withdrawn" in lines
    assert "/relay skips #4 ask 'late': nobody waits for it" in lines


def test_waits_for_room_stops_and_dead_letters_are_told() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Relay, name="relay", mailbox=Mailbox(1))
            sendings = [ref.send(message) for message in ("slow", "next")]
            await asyncio.sleep(0.001)
            ref.stop()
            await ref.join()
            for sending in sendings:
                with contextlib.suppress(ActorStoppedError):
                    await sending

    lines = told(simulate(main, policy="fifo"))
    assert "main -> /relay  #2 'next', waits for room" in lines
    assert "/relay has room for #2 'next'" in lines
    assert "main asks /relay to stop" in lines
    assert "/relay: 'next' is a dead letter (stopped)" in lines
    assert lines[-1] == "/relay has ended (shutdown)"


def test_a_message_that_goes_round_has_a_bounded_past() -> None:
    class Round(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == 0:
                raise ValueError
            await self.context.ref.send(message - 1)

    async def main() -> None:
        async with ActorSystem() as system:
            await (await system.spawn(Round, name="round")).send(100)
            await asyncio.sleep(0.01)

    lines = told(simulate(main, trace=True))
    assert 1 < len([line for line in lines if "because" in line]) < 20


def test_a_deadlock_says_who_waits_for_whose_reply() -> None:
    class Silent(Actor[Any]):
        async def receive(self, message: Any) -> None:
            self.kept = self.context.defer()

    async def main() -> None:
        async with ActorSystem() as system:
            silent = await system.spawn(Silent, name="silent")
            asking = await system.spawn(Relay, name="asking")
            await asking.submit(silent.ask, "question")

    error = simulate(main).error
    assert isinstance(error, SimDeadlock)
    (line,) = [line for line in str(error).splitlines() if line.startswith("  /asking: ")]
    assert line.endswith("waits for the reply of /silent")
