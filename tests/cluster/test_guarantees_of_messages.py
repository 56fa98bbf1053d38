"""What becomes of messages between nodes: C2 to C9, C17, C18, each test with its number."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import pytest

from actorio import (
    Actor,
    ActorError,
    Ask,
    AskTimeoutError,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    NoHostError,
    NotSendableError,
    Overflow,
    PriorityMailbox,
    RefusedError,
    RemoteError,
    Restart,
)
from actorio.cluster import ClusterTopic, wire
from actorio.cluster.failures import size_of
from actorio.cluster.references import check_address
from actorio.errors import Refusal
from actorio.testing import SimulatedNetwork
from actorio.testing.simulated_network import SimulatedEngine
from tests.cluster.frames import run_frames
from tests.cluster.shop import Account, Add, Take, Till, node, passes, run


@dataclass(frozen=True)
class New(Ask[int]):
    """A type that the other node does not know."""


class _OfTomorrow(msgspec.Struct, array_like=True, tag=250):
    """An item of a protocol that is not there yet."""

    number: int


class Slow(Actor[Add | Take]):
    """Takes a while for each."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def receive(self, message: Add | Take) -> Any:
        if isinstance(message, Take):
            return self.seen
        await passes(0.05)
        self.seen.append(message.amount)
        return len(self.seen)


def test_c02_sends_asks_and_calls_of_one_sender_arrive_in_order_though_frames_are_lost() -> None:
    async def main() -> None:
        network = SimulatedNetwork(loss=0.2, latency=0.02)
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till))
            till = await a.find("till", Till, timeout=20.0)
            asks = []
            for number in range(1, 301):
                if number % 7:
                    till.send(Add(number))
                else:
                    asks.append(asyncio.ensure_future(till.ask(Add(number))))
                    await passes(0.001)  # a task begins with the next step of the loop
                if number % 50 == 0:
                    await passes(0.05)
            await asyncio.gather(*asks)
            assert await till.ask(Take()) == list(range(1, 301))

    for seed in range(3):
        run(main, seed=seed)


def test_c05_a_type_that_is_not_known_there_is_refused_and_what_follows_goes_on() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with (
            node(network, "a", messages=[New]) as a,
            node(network, "b") as b,
            a.system.events.subscribe(DeadLetter) as dead,
        ):
            await b.register("till", await b.system.spawn(Till))
            till: Any = await a.find("till")
            with pytest.raises(RefusedError) as refused:
                await till.ask(New())
            assert (refused.value.reason, refused.value.undelivered) == (Refusal.UNKNOWN_TYPE, New())
            await till.send(New())
            letter = await anext(aiter(dead))
            assert (letter.message, letter.reason, letter.ref) == (New(), "refused", till)
            assert await till.ask(Add(1)) == 1

    run(main)


def test_c05_what_is_not_exposed_is_refused() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b", actors=[], uses=[Till]) as b:
            await b.register("till", await b.system.spawn(Till))
            till = await a.find("till", Till)
            with pytest.raises(RefusedError) as call:
                await till.call(Till.total)
            with pytest.raises(RefusedError) as spawn:
                await a.spawn(Till, node="b")
            assert call.value.reason is Refusal.NOT_EXPOSED
            assert "NOT_EXPOSED" in str(spawn.value) or "may not be spawned" in str(spawn.value)
            with pytest.raises(NoHostError):
                await a.spawn(Till, node="nowhere")

    run(main)


def test_c05_an_entity_that_nobody_hosts_is_not_handled_and_told_so() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with (
            node(network, "a", entities=[], uses=[Account], route_timeout=1.0) as a,
            a.system.events.subscribe(DeadLetter) as dead,
        ):
            ref = a.entity(Account, "alice")
            with pytest.raises(NoHostError) as error:
                await ref.ask(Add(1))
            assert error.value.undelivered == Add(1)
            await ref.send(Add(2))
            letter = await anext(aiter(dead))
            assert (letter.message, letter.reason) == (Add(2), "unrouted")

    run(main)


def test_c06_an_ask_without_a_timeout_has_that_of_the_cluster() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", ask_timeout=0.2) as a, node(network, "b") as b:
            await b.register("slow", await b.system.spawn(Slow))
            slow = await a.find("slow", Slow)
            asks = [asyncio.ensure_future(slow.ask(Add(number))) for number in range(20)]
            outcomes = await asyncio.gather(*asks, return_exceptions=True)
            timeouts = [each for each in outcomes if isinstance(each, AskTimeoutError)]
            assert len(timeouts) > 10
            assert all(each.started is None for each in timeouts)

    run(main)


def test_c07_an_ask_that_nobody_waits_for_does_not_run() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("slow", await b.system.spawn(Slow))
            slow = await a.find("slow", Slow)
            first = asyncio.ensure_future(slow.ask(Add(1)))
            cancelled = asyncio.ensure_future(slow.ask(Add(2)))
            late = asyncio.ensure_future(slow.ask(Add(3), timeout=0.03))
            await passes(0.02)
            cancelled.cancel()
            assert await first == 1
            with pytest.raises(AskTimeoutError):
                await late
            assert await slow.ask(Take()) == [1]

    run(main)


def test_c08_no_more_than_the_window_is_under_way_and_a_neighbour_goes_on() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", window=4) as a, node(network, "b") as b:
            await b.register("slow", await b.system.spawn(Slow, mailbox=Mailbox(2)))
            await b.register("till", await b.system.spawn(Till))
            slow: Any = await a.find("slow", Slow)
            till = await a.find("till", Till)
            sendings = [slow.send(Add(number)) for number in range(20)]
            with pytest.raises(MailboxFullError):
                slow.send_nowait(Add(99))
            assert len(slow._cell.mailbox.untaken) == 4
            assert await till.ask(Add(1)) == 1
            for sending in sendings:
                await sending
            assert await slow.ask(Take()) == list(range(20))

    run(main)


def test_c08_a_full_mailbox_that_fails_refuses() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            mailbox = Mailbox[Any](1, overflow=Overflow.FAIL)
            await b.register("slow", await b.system.spawn(Slow, mailbox=mailbox))
            slow = await a.find("slow", Slow)
            asks = [asyncio.ensure_future(slow.ask(Add(number))) for number in range(10)]
            outcomes = await asyncio.gather(*asks, return_exceptions=True)
            assert any(isinstance(each, MailboxFullError) for each in outcomes)
            assert any(isinstance(each, int) for each in outcomes)

    run(main)


def test_c17_frames_that_are_changed_reach_no_actor_and_forged_ones_stall_nobody() -> None:
    """`python -m tests.cluster.frames 100000` sends more."""
    found = run_frames(3_000)
    assert found["of these dropped"] == found["changed on the way"] == found["forged"] == 3_000
    assert found["asks of the others answered meanwhile"]


def test_c17_a_frame_whose_sender_is_not_that_of_its_subject_is_dropped() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            assert await a.entity(Account, "u").ask(Add(1)) == 1
            here: Any = b._life.node
            forged = wire.encode_frame(
                wire.Frame(wire.PROTOCOL, a.incarnation, b.incarnation, 1, 0, [], [wire.End(1, 7)])
            )
            dropped = here.dropped
            here.receive("c", forged)
            assert here.dropped == dropped + 1

    run(main)


def test_c18_an_item_of_a_kind_that_a_node_does_not_know_is_passed_over_and_what_is_behind_it_arrives() -> (
    None
):
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("till", await b.system.spawn(Till))
            till = await a.find("till", Till)
            assert await till.ask(Add(1)) == 1
            link: Any = a._life.node.peer(b.incarnation).link  # type: ignore[union-attr]
            link.post(_OfTomorrow(7))
            assert await till.ask(Add(1), timeout=1.0) == 2
            assert b.snapshot().malformed == 1

    run(main)


def test_c18_a_new_field_has_a_default_and_an_unknown_one_is_ignored() -> None:
    @dataclass(frozen=True)
    class Old(Ask[int]):
        amount: int

    @dataclass(frozen=True)
    class Newer(Ask[int]):
        amount: int
        note: str = ""

    class Counter(Actor[Any]):
        async def receive(self, message: Any) -> int:
            return int(message.amount)

    async def main() -> None:
        network = SimulatedNetwork()
        async with (
            node(network, "a", messages={"shop.Buy": Newer}) as a,
            node(network, "b", messages={"shop.Buy": Old}) as b,
        ):
            await b.register("counter", await b.system.spawn(Counter))
            await a.register("newer", await a.system.spawn(Counter))
            assert await (await a.find("counter")).ask(Newer(3, "hello")) == 3
            assert await (await b.find("newer")).ask(Old(4)) == 4

    run(main)


CENTURY = 100 * 365 * 86_400.0


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"name": "n" * 1001}, ValueError),
        ({"name": 5}, TypeError),
        ({"shutdown": -1.0}, ValueError),
        ({"restart": "always"}, TypeError),
        ({"mailbox": 5}, TypeError),
        ({"mailbox": PriorityMailbox(lambda message: 0)}, NotSendableError),
        ({"shutdown": CENTURY, "timeout": CENTURY}, None),
    ],
)
def test_c17_options_that_no_node_could_read_are_refused_at_the_call(
    options: dict[str, Any], kind: type[Exception] | None
) -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b"):
            if kind is not None:
                with pytest.raises(kind):
                    await a.spawn(Till, node="b", **options)
                options.clear()
            till = await a.spawn(Till, node="b", **options)
            assert await till.ask(Add(1), timeout=CENTURY) == 1

    run(main)


def test_c17_a_lone_surrogate_is_refused_at_the_call() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a:
            local = await a.system.spawn(Till)
            for refused in (
                lambda: a.groups.join("\ud800", local),
                lambda: ClusterTopic(a, "\ud800"),
                lambda: a.entity(Account, "\ud800"),
                lambda: a.lookup("\ud800"),
            ):
                with pytest.raises(ValueError, match="surrogate"):
                    refused()

    run(main)


@pytest.mark.parametrize(
    "data",
    [
        ["b.0a1b PUB x 0\r\n", 1, "/till"],
        ["b c.0a1b", 1, "/till"],
        [".0a1b", 1, "/till"],
        ["b.0a1b", 1 << 63, "/till"],
        ["b.0a1b", 0, "/till"],
        ["b.0a1b", 1, "/" + "t" * 1000],
        ["", "shop.Account", "k" * 201],
        ["", "shop.Account", ""],
    ],
)
def test_c17_a_forged_ref_is_none(data: list[Any]) -> None:
    with pytest.raises(ValueError, match="no ref"):
        check_address(data)


class Broken(Actor[Add]):
    """Raises what is hard to send."""

    async def receive(self, message: Add) -> None:
        match message.amount:
            case 1:
                raise ValueError("no file \udcff")
            case 2:
                raise ValueError("x" * 600_000, "y" * 600_000)
            case _:
                error = ActorError("too much")
                vars(error).update(amount=1 << 70, name="\udcff", many="x" * 2_000_000)
                raise error


def test_c06_an_exception_that_is_hard_to_send_crosses_and_the_link_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SimulatedEngine, "max_frame", 1 << 20)

    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            await b.register("broken", await b.system.spawn(Broken))
            broken: Any = await a.find("broken")
            for amount in (1, 2):
                with pytest.raises(RemoteError, match="ValueError"):
                    await broken.ask(Add(amount))
            with pytest.raises(ActorError, match="too much") as told:
                await broken.ask(Add(3))
            assert told.value.name == "?"  # type: ignore[attr-defined]
            assert not hasattr(told.value, "amount")

    run(main)


def test_c04_as_many_notices_as_there_are_fit_into_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedEngine, "max_frame", 1 << 20)

    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b"):
            link = next(iter(a._life.node.peers.values())).link  # type: ignore[union-attr]
            failure = wire.Failure("ValueError", None, {}, "x" * 10_000, "y" * 10_000)
            for number in range(1, 201):
                link.post(wire.Ended(number, "crashed", failure), size_of(failure))
            await passes(1.0)
            assert link.unacknowledged == 0

    run(main)


class Sleepy(Account):
    """Takes a second to start."""

    handled: ClassVar[list[Any]] = []

    async def on_start(self) -> None:
        await passes(1.0)

    async def receive(self, message: Any) -> int:
        self.handled.append(message)
        return 1


def test_c07_an_ask_that_nobody_waits_for_when_its_entity_has_started_does_not_run() -> None:
    async def main() -> None:
        Sleepy.handled.clear()
        network = SimulatedNetwork()
        async with node(network, "a", entities=[Sleepy]) as a, node(network, "b", entities=[Sleepy]) as b:
            for number, key in enumerate("uvwx", 1):
                sleepy = a.entity(Sleepy, key)
                with pytest.raises(AskTimeoutError):
                    await sleepy.ask(Add(number), timeout=0.1)
                await sleepy.send(Add(-number))
            await passes(2.0)
            assert sorted(message.amount for message in Sleepy.handled) == [-4, -3, -2, -1]
            assert await b.entity(Sleepy, "u").ask(Add(5)) == 1
            assert not any(peer.arrivals for peer in b._life.node.peers.values())  # type: ignore[union-attr]

    run(main)


def test_c05_each_message_to_an_entity_without_a_host_waits_its_own_time() -> None:
    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a", entities=[], uses=[Account], route_timeout=2.0) as a:
            alice = a.entity(Account, "alice")
            first = asyncio.ensure_future(alice.ask(Add(1)))
            await passes(1.5)
            second = asyncio.ensure_future(alice.ask(Add(2)))
            await passes(1.0)
            assert isinstance(first.exception(), NoHostError)
            assert not second.done()
            async with node(network, "b"):
                assert await second == 2

    run(main)


def test_c04_a_subscriber_that_cannot_take_an_item_fails_alone() -> None:
    def unordered(message: Any) -> int:
        raise ValueError("no priority")

    async def main() -> None:
        network = SimulatedNetwork()
        async with node(network, "a") as a, node(network, "b") as b:
            broken = await b.system.spawn(Till, mailbox=PriorityMailbox(unordered), restart=Restart.TEMPORARY)
            await b.register("till", await b.system.spawn(Till))
            ClusterTopic[Add](b, "prices").subscribe(broken)
            till = await a.find("till", Till)
            await passes(1.0)
            await ClusterTopic[Add](a, "prices").publish(Add(1))
            assert await till.ask(Add(2), timeout=1.0) == 2  # it went in the same frame
            assert isinstance((await broken.join()).error, ValueError)

    run(main)
