"""Mutated frames: bytes that were changed on the way, and forgeries of a node that has the rights of one.

`python -m tests.cluster.frames 100000` sends so many of each to a node that has work to do, and says what became of
them; `--seed` draws others.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import sys
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from actorio.cluster import Cluster, ClusterTopic, wire
from actorio.testing import SimulatedNetwork
from tests.cluster.shop import Account, Add, Fail, Meet, Take, Till, Watcher, node, passes, run

__all__ = ["run_frames"]

_CHECKSUM = 4
_AT_ONCE = 500
"""Frames between two rounds of honest work."""
_INTERNAL: list[str] = []


class _Internal(logging.Handler):
    """Keeps what the package says of its own bugs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.levelno >= logging.CRITICAL:
            _INTERNAL.append(f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")


def mutate(draw: random.Random, frame: bytes, most: int = 8) -> bytes:
    """Return a frame that is another one: bytes changed, put in, left out, or the end cut off."""
    data = bytearray(frame)
    while data == frame:
        for _ in range(draw.randint(1, most)):
            place, what = draw.randrange(len(data)), draw.random()
            if what < 0.6:
                data[place] = draw.randrange(256)
            elif what < 0.75:
                data.insert(place, draw.randrange(256))
            elif what < 0.9 and len(data) > 1:
                del data[place]
            else:
                del data[max(place, 1) :]
    return bytes(data)


def seal(body: bytes) -> bytes:
    """Return a body as a frame whose checksum is right: what a hostile program would send."""
    return body + zlib.crc32(body).to_bytes(_CHECKSUM, "big")


async def all_kinds(sender: Cluster, other: Cluster) -> None:
    """Have one node send each kind of item to another."""
    local = await other.system.spawn(Till)
    await other.register(f"till-{sender.node}", local)
    till = await sender.find(f"till-{sender.node}", Till)
    topic = ClusterTopic[Any](sender, "prices")
    mine = await sender.system.spawn(Till)
    topic.subscribe(mine)
    sender.groups.join("tills", mine)
    await passes(0.1)
    till.send(Add(1))
    till.cast(Till.total)
    assert await till.call(Till.total, 2) == 2
    assert await till.ask(Meet(mine)) == mine.path
    for ask in (till.ask(Take()), till.ask(Fail("so")), till.ask(Add(1), timeout=1e-6)):
        with contextlib.suppress(Exception):
            await ask
    spawned = await sender.spawn(Till, 3, node=other.node)
    watcher = await sender.system.spawn(Watcher, [])
    await watcher.send(spawned)
    for key in "uvwxyz":
        entity: Any = sender.entity(Account, key)
        await entity.ask(Add(1))
        entity.send(Add(1))
        with contextlib.suppress(Exception):
            await entity.ask(Fail("so"))
    sender.entity(Account, "u").close()
    await topic.publish(Add(1))
    await passes(0.2)
    spawned.stop()
    sender.groups.leave("tills", mine)
    topic.unsubscribe(mine)
    await passes(0.2)


@contextlib.asynccontextmanager
async def recorded(cluster: Cluster) -> AsyncIterator[dict[str, list[bytes]]]:
    """Keep what comes to a node, by sender."""
    engine: Any = cluster._life.engine
    frames: dict[str, list[bytes]] = {}
    take = engine._receive
    engine._receive = lambda sender, frame: frames.setdefault(sender, []).append(frame) or take(sender, frame)
    try:
        yield frames
    finally:
        engine._receive = take


def held(cluster: Cluster) -> dict[str, int]:
    """Count what frames could make a node hold."""
    here: Any = cluster._life.node
    return {
        "exports": len(here.exports._cells),
        "peers": len(here.peers),
        "buried": len(here._buried),
        "inquiries": sum(len(peer.inquiries) for peer in here.peers.values()),
        "arrivals": sum(len(peer.arrivals) for peer in here.peers.values()),
    }


async def attack(count: int, seed: int) -> Counter[str]:
    """Send so many of each to one of three nodes; between them two of the nodes work together as ever."""
    draw, found = random.Random(seed), Counter[str]()
    network = SimulatedNetwork()
    async with node(network, "a") as a, node(network, "b") as b, node(network, "c") as c:
        async with recorded(b) as frames:
            await all_kinds(a, b)
            await all_kinds(c, b)
        till = await b.system.spawn(Till)
        await b.register("till", till)
        far: Any = await a.find("till", Till)
        await passes(30.0)
        here: Any = b._life.node
        before, handled = held(b), till.statistics().handled
        malformed = here.malformed
        for number in range(count):  # changed on the way: not one may be taken for a frame
            sender = draw.choice("ac")
            b._life._receive(sender, mutate(draw, draw.choice(frames[sender])))
            found["changed on the way"] += 1
            if number % _AT_ONCE == 0:
                await passes(0.01)
        await passes(1.0)
        found["of these dropped"] = here.malformed - malformed
        assert here.malformed - malformed == count, "a mutated frame was taken"
        assert held(b) == before, f"{held(b)} were {before}"
        assert till.statistics().handled == handled, "an actor has seen a mutated frame"
        for cluster in (a, b, c):  # a forger may say things twice: the oracles would call that broken
            cluster._life.tap = cluster._life.node.tap = None  # type: ignore[union-attr]
        await forge(b, c, draw, frames["c"], count, far, found)
        assert far.node == "b"
        assert a._life.node is not None
        assert here is b._life.node, "the node was detached"
        after = held(b)
        assert all(after[each] <= before[each] + 100 for each in ("peers", "buried", "inquiries")), after
        assert not _INTERNAL, _INTERNAL[:3]
        return found


async def forge(
    b: Cluster,
    c: Cluster,
    draw: random.Random,
    frames: list[bytes],
    count: int,
    far: Any,
    found: Counter[str],
) -> None:
    """Send what fits its checksum, as `c`, which may do so: only what it could have asked for itself may come of it."""
    here: Any = b._life.node
    malformed, dropped, expected = here.malformed, here.dropped, here.peers[c.incarnation].link._expected
    for number in range(count):
        frame = wire.decode_frame(draw.choice(frames))
        if draw.random() < 0.7:  # the next one, so that its items are looked at
            frame.number = here.peers[frame.sender].link._expected
        b._life._receive("c", seal(mutate(draw, wire.encode_frame(frame)[:-_CHECKSUM], 2)))
        found["forged"] += 1
        if number % _AT_ONCE == 0:
            assert await far.ask(Add(1), timeout=5.0) > 0
            found["asks of the others answered meanwhile"] += 1
    found["of these in turn"] = here.peers[c.incarnation].link._expected - expected
    await passes(5.0)
    found["of these malformed"] = here.malformed - malformed
    found["of these of no incarnation"] = here.dropped - dropped


def run_frames(count: int, seed: int = 1) -> Counter[str]:
    """Send so many of each; raises what is broken."""
    _INTERNAL.clear()
    handler = _Internal()
    logger = logging.getLogger("actorio")
    logger.addHandler(handler)
    try:
        found: Counter[str] = run(lambda: attack(count, seed))
    finally:
        logger.removeHandler(handler)
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("frames", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    for what, count in run_frames(options.frames, options.seed).items():
        print(f"{what}: {count:,}")
    print(f"{time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
