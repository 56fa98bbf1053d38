"""casty: virtual actors on asyncio, the core in Rust; a function each, addressed by a key.

State and messages are serialized even within one process. Actors are pinned, with one replica: nothing is
kept elsewhere. An actor that returns has ended.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from casty import ActorSystem, Askable, Context, Ref, actor

from benchmarks.peers.stage import Clock, perform

LONG = timedelta(minutes=10)


@dataclass(frozen=True)
class Ping(Askable[int]):
    pass


@actor(initial=0, replicas=1, ask_timeout=LONG)
async def ponger(ctx: Context[int, Ping]) -> None:
    pings = 0
    async for message in ctx.inbox:
        pings += 1
        message.reply_to.tell(pings)


async def ask(clock: Clock, rounds: int) -> int:
    async with ActorSystem() as system:
        ref = system.ref(ponger, "ponger")
        right = 0
        with clock:
            for number in range(1, rounds + 1):
                right += await ref.ask(Ping()) == number
    return right


@dataclass(frozen=True)
class Number:
    value: int


@dataclass(frozen=True)
class HowMany(Askable[int]):
    pass


@actor(initial=0, replicas=1, ask_timeout=LONG)
async def receiver(ctx: Context[int, Number | HowMany]) -> None:
    expected = 0
    async for message in ctx.inbox:
        if isinstance(message, HowMany):
            message.reply_to.tell(expected)
        elif message.value == expected:
            expected += 1


async def send(clock: Clock, numbers: int) -> int:
    async with ActorSystem() as system:
        ref = system.ref(receiver, "receiver")
        with clock:
            for number in range(numbers):
                ref.tell(Number(number))
            return await ref.ask(HowMany())


@dataclass(frozen=True)
class Token:
    value: int


@dataclass(frozen=True)
class Link:
    place: int
    following: Ref[Token]


class Run:
    """The state that the actors of one run, which take no arguments but messages, share with who waits for them."""

    def __init__(self, actors: int = 0) -> None:
        self.actors = actors
        self.done = asyncio.Event()
        self.tally = {"tokens": 0}
        self.numbers: list[int] = []


RUNS = [Run()]


@actor(initial=0, replicas=1)
async def node(ctx: Context[int, Token | Link]) -> None:
    async for message in ctx.inbox:
        if isinstance(message, Link):
            place, following = message.place, message.following
            continue
        run = RUNS[-1]
        run.tally["tokens"] += 1
        if message.value:
            following.tell(Token(message.value - 1))
        else:
            run.tally["last"] = place
            run.done.set()


async def ring(clock: Clock, actors: int, hops: int) -> dict[str, int]:
    RUNS.append(run := Run())
    async with ActorSystem() as system:
        nodes = [system.ref(node, f"{place}") for place in range(actors)]
        for place, following in enumerate(nodes[1:] + nodes[:1]):
            nodes[place].tell(Link(place, following))
        with clock:
            nodes[0].tell(Token(hops))
            await run.done.wait()
    return run.tally


@actor(initial=0, replicas=1)
async def worker(ctx: Context[int, Number | HowMany]) -> None:
    async for message in ctx.inbox:
        run = RUNS[-1]
        if isinstance(message, Number):
            run.numbers.append(message.value)
            if len(run.numbers) == run.actors:
                run.done.set()
        return


async def spawn(clock: Clock, actors: int) -> int:
    RUNS.append(run := Run(actors))
    with clock:
        async with ActorSystem() as system:
            for number in range(actors):
                system.ref(worker, f"{number}").tell(Number(number))
            await run.done.wait()
    return len(run.numbers)


@dataclass(frozen=True)
class Grow:
    parent: Ref[Number]
    number: int
    leaves: int


@actor(initial=0, replicas=1)
async def branch(ctx: Context[int, Grow | Number]) -> None:
    total, missing = 0, 10
    parent: Ref[Number] = ctx.self  # until the first message names it
    async for message in ctx.inbox:
        if isinstance(message, Number):
            total += message.value
            missing -= 1
            if missing == 0:
                parent.tell(Number(total))
                return
            continue
        parent = message.parent
        if message.leaves == 1:
            parent.tell(Number(message.number))
            return
        share = message.leaves // 10
        for place in range(10):
            number = message.number + place * share
            ctx.system.ref(branch, f"{number}-{share}").tell(Grow(ctx.self, number, share))


@actor(initial=0, replicas=1)
async def root(ctx: Context[int, Number]) -> None:
    async for message in ctx.inbox:
        RUNS[-1].numbers.append(message.value)
        RUNS[-1].done.set()


async def skynet(clock: Clock, leaves: int) -> int:
    RUNS.append(run := Run())
    with clock:
        async with ActorSystem() as system:
            system.ref(branch, "root").tell(Grow(system.ref(root, "root"), 0, leaves))
            await run.done.wait()
    return run.numbers.pop()


if __name__ == "__main__":
    perform({"ask": ask, "send": send, "ring": ring, "spawn": spawn, "skynet": skynet})
