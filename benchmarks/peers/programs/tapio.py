"""tapio: asyncio, messages are Pydantic models. Validation on delivery is off, as its docs allow."""

import asyncio
import os
from typing import Any

from benchmarks.peers.stage import Clock, perform

os.environ.setdefault("TAPIO_VALIDATE_ON_TELL", "0")

from tapio import ActorSystem, Behavior, Behaviors, Message
from tapio.actor import ActorContext, ActorRef


class Count(Message):
    value: int


class Ping(Message):
    reply_to: ActorRef[Count]


class Number(Message):
    value: int


def ponger() -> Behavior[Ping]:
    pings = 0

    async def on_message(message: Ping) -> Behavior[Ping]:
        nonlocal pings
        pings += 1
        message.reply_to.tell(Count(value=pings))
        return Behaviors.same()

    return Behaviors.receive_message(on_message)


async def ask(clock: Clock, rounds: int) -> int:
    right = 0
    async with ActorSystem("bench") as system:
        ref = system.spawn(ponger(), name="ponger")
        with clock:
            for number in range(1, rounds + 1):
                reply = await ref.ask(lambda reply_to: Ping(reply_to=reply_to), expect=Count)
                right += reply.value == number
    return right


class HowMany(Message):
    reply_to: ActorRef[Count]


def receiver() -> Behavior[Number | HowMany]:
    expected = 0

    async def on_message(message: Number | HowMany) -> Behavior[Number | HowMany]:
        nonlocal expected
        if isinstance(message, HowMany):
            message.reply_to.tell(Count(value=expected))
        elif message.value == expected:
            expected += 1
        return Behaviors.same()

    return Behaviors.receive_message(on_message)


async def send(clock: Clock, numbers: int) -> int:
    async with ActorSystem("bench") as system:
        ref = system.spawn(receiver(), name="receiver")
        with clock:
            for number in range(numbers):
                ref.tell(Number(value=number))
            reply = await ref.ask(lambda reply_to: HowMany(reply_to=reply_to), expect=Count)
    return reply.value


def node(place: int, ring: list[Any], done: asyncio.Event, tally: dict[str, int]) -> Behavior[Number]:
    async def on_message(message: Number) -> Behavior[Number]:
        tally["tokens"] += 1
        if message.value:
            ring[(place + 1) % len(ring)].tell(Number(value=message.value - 1))
        else:
            tally["last"] = place
            done.set()
        return Behaviors.same()

    return Behaviors.receive_message(on_message)


async def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    done, tally = asyncio.Event(), {"tokens": 0}
    nodes: list[Any] = []
    async with ActorSystem("bench") as system:
        for place in range(actors):
            nodes.append(system.spawn(node(place, nodes, done, tally), name=f"node-{place}"))
        with clock:
            nodes[0].tell(Number(value=hops))
            await done.wait()
    return tally


def worker(ran: list[int], actors: int, done: asyncio.Event) -> Behavior[Number]:
    async def on_message(message: Number) -> Behavior[Number]:
        ran.append(message.value)
        if len(ran) == actors:
            done.set()
        return Behaviors.stopped()

    return Behaviors.receive_message(on_message)


async def spawn(clock: Clock, actors: int) -> int:
    ran: list[int] = []
    done = asyncio.Event()
    with clock:
        async with ActorSystem("bench") as system:
            for number in range(actors):
                system.spawn_anonymous(worker(ran, actors, done)).tell(Number(value=number))
            await done.wait()
    return len(ran)


def branch(parent: Any, number: int, leaves: int) -> Behavior[Number]:
    missing = 10
    total = 0

    async def on_message(ctx: ActorContext[Number], message: Number) -> Behavior[Number]:
        nonlocal missing, total
        total += message.value
        missing -= 1
        if missing == 0:
            parent.tell(Number(value=total))
        return Behaviors.same()

    def setup(ctx: ActorContext[Number]) -> Behavior[Number]:
        share = leaves // 10
        if leaves == 1:
            parent.tell(Number(value=number))
        else:
            for place in range(10):
                ctx.spawn_anonymous(branch(ctx.self_ref, number + place * share, share))
        return Behaviors.receive(on_message)

    return Behaviors.setup(setup)


def root(done: "asyncio.Future[int]") -> Behavior[Number]:
    async def on_message(message: Number) -> Behavior[Number]:
        done.set_result(message.value)
        return Behaviors.same()

    return Behaviors.receive_message(on_message)


async def skynet(clock: Clock, leaves: int) -> int:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with clock:
        async with ActorSystem("bench") as system:
            system.spawn(branch(system.spawn(root(done), name="root"), 0, leaves), name="tree")
            total = await done
    return total


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
