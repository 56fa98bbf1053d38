"""A harness drives one actor from a plain test and sees all that it does."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorRef, ExitReason, interleave
from actorio.testing import Harness, Scheduled, Sent
from tests.testing.bank import Account, Balance, Set, Teller


class Clerk(Actor[Any]):
    """Does one of each."""

    def __init__(self, peer: ActorRef[Any]) -> None:
        self.peer = peer
        self.ticks: list[str] = []
        self.stopped: ExitReason | None = None

    async def receive(self, message: str) -> Any:
        match message:
            case "spawn":
                await self.context.spawn(Account, name="account")
            case "watch":
                self.context.watch(self.peer)
            case "schedule":
                self.context.send_after(5, "tick")
                self.context.send_every(2, "tock")
            case "fail":
                raise ValueError("no")
            case "tick" | "tock":
                self.ticks.append(message)

    async def count(self) -> int:
        return len(self.ticks)

    async def on_stop(self, reason: ExitReason) -> None:
        self.stopped = reason


def test_messages_and_replies() -> None:
    with Harness() as harness:
        account = harness.start(Account)
        harness.send(Set(5))
        assert account.balance == 5
        assert harness.ask(Balance()) == 5


def test_what_it_sends_is_seen_and_answered_by_a_stub() -> None:
    with Harness() as harness:
        account = harness.stub("account", answer=lambda message: 40 if isinstance(message, Balance) else None)
        harness.start(Teller, account)
        harness.send(2)
        assert [(sent.to, type(sent.message)) for sent in harness.sent] == [
            (account, Balance),
            (account, Set),
        ]
        assert harness.sent[1] == Sent(account, Set(42))
        harness.sent.clear()
        assert harness.sent == []


def test_what_it_spawns_and_watches_is_seen() -> None:
    with Harness() as harness:
        peer = harness.stub("peer")
        harness.start(Clerk, peer, name="clerk")
        harness.send("spawn")
        harness.send("watch")
        assert [ref.path for ref in harness.spawned] == ["/clerk/account"]
        assert harness.watched == [peer]
        assert harness.sent == []


def test_timers_are_seen_and_ring_when_time_passes() -> None:
    with Harness() as harness:
        clerk = harness.start(Clerk, harness.stub("peer"))
        harness.send("schedule")
        assert harness.scheduled == [Scheduled("tick", 5, None), Scheduled("tock", 2, 2)]
        harness.advance(4.5)
        assert clerk.ticks == ["tock", "tock"]
        harness.advance(0.5)
        assert clerk.ticks == ["tock", "tock", "tick"]
        assert harness.scheduled == [Scheduled("tock", 1, 2)]
        assert harness.call(Clerk.count) == 3


def test_a_failure_is_raised_where_it_was_driven_to() -> None:
    with Harness() as harness:
        harness.start(Clerk, harness.stub("peer"))
        with pytest.raises(ValueError, match="no"):
            harness.send("fail")
        assert not harness.ref.is_alive


def test_a_failed_start_is_raised() -> None:
    class Broken(Actor[Any]):
        async def on_start(self) -> None:
            raise LookupError("config")

    with Harness() as harness, pytest.raises(LookupError, match="config"):
        harness.start(Broken)


def test_a_stop_tells_how_it_has_ended() -> None:
    with Harness() as harness:
        clerk = harness.start(Clerk, harness.stub("peer"))
        assert harness.stop().reason is ExitReason.SHUTDOWN
        assert clerk.stopped is ExitReason.SHUTDOWN


@pytest.mark.parametrize(
    "use",
    [
        lambda harness: harness.start(Account),
        lambda harness: harness.stub("peer"),
        lambda harness: harness.advance(1),
    ],
)
def test_outside_of_its_block_it_says_what_is_missing(use: Callable[[Harness], Any]) -> None:
    left = Harness()
    with left:
        pass
    for harness in (Harness(), left):
        with pytest.raises(ActorError, match="with Harness"):
            use(harness)


@pytest.mark.parametrize(
    "use",
    [
        lambda harness: harness.send(1),
        lambda harness: harness.ask(1),
        lambda harness: harness.call(Clerk.count),
        lambda harness: harness.stop(),
        lambda harness: harness.ref,
        lambda harness: harness.watched,
        lambda harness: harness.scheduled,
    ],
)
def test_without_an_actor_it_says_what_is_missing(use: Callable[[Harness], Any]) -> None:
    with Harness() as harness, pytest.raises(ActorError, match=r"harness\.start"):
        use(harness)


def test_it_drives_one_actor() -> None:
    class Fails(Actor[Any]):
        async def on_start(self) -> None:
            raise LookupError

    with Harness() as harness:
        with pytest.raises(LookupError):
            harness.start(Fails)
        harness.start(Account, name="account")  # the first one has not started
        with pytest.raises(ActorError, match="drives /account"):
            harness.start(Account)
        assert harness.ask(Balance()) == 0


async def test_it_is_for_plain_functions_and_leaves_the_clocks_where_it_cannot_be_used() -> None:
    harness, clock = Harness(), time.time
    with pytest.raises(RuntimeError, match="use it in a plain function"):
        harness.__enter__()
    assert time.time is clock


def test_a_harness_is_not_entered_twice_and_leaves_the_clocks() -> None:
    harness, clock = Harness(), time.time
    with harness:
        pass
    with pytest.raises(ActorError):
        harness.__enter__()
    assert time.time is clock


def test_the_actor_of_each_of_two_harnesses_has_the_clocks_of_its_own() -> None:
    class Clock(Actor[Any]):
        async def receive(self, message: Any) -> float:
            return time.monotonic()

    with Harness() as one, Harness() as other:
        for harness in (one, other):
            harness.start(Clock)
        one.advance(5)
        other.advance(3)
        assert (one.ask("now"), other.ask("now"), one.ask("now")) == (5, 3, 5)


def test_what_is_sent_beside_the_turns_is_seen() -> None:
    class Beside(Actor[Any]):
        def __init__(self, peer: ActorRef[Any]) -> None:
            self.peer = peer

        @interleave
        async def tell(self, what: str) -> None:
            await self.peer.send(what)

        async def receive(self, message: str) -> None:
            self.context.start_soon(self.later, message)

        async def later(self, message: str) -> None:
            await self.peer.send(message)

    with Harness() as harness:
        peer = harness.stub(
            "peer", answer=lambda message: peer.send_nowait("not its own") if message == "x" else 0
        )
        harness.start(Beside, peer)
        harness.call(Beside.tell, "interleaved")
        harness.send("in the background")
        harness.call(Beside.tell, "x")
        assert [sent.message for sent in harness.sent] == ["interleaved", "in the background", "x"]
