"""The measurements: one ask, asks in flight, sends; of a remote ref, an entity, raw nats-py, a local ref."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import nats

from actorio import ActorSystem
from actorio.cluster import Cluster, NatsServer
from actorio.cluster.server import engine_of
from benchmarks.cluster.other import Echo, EchoEntity, Order, Total, run_on

__all__ = ["as_markdown", "measure"]

ORDER = Order(7, "customer-0001", "x" * 60, 3, 9.5)
SIDES = ("raw nats-py", "remote ref", "entity", "local ref")
FIGURES = ("one ask, p50 us", "asks/s, 100", "asks/s, 1000", "sends/s")


class Side:
    """One way to do it: how to ask, how to send, and how many came."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Any]],
        send: Callable[[], Awaitable[Any]],
        count: Callable[[], Awaitable[int]],
    ) -> None:
        self.ask, self.send, self.count = ask, send, count


def _of_ref(ref: Any) -> Side:
    return Side(lambda: ref.ask(ORDER), lambda: ref.send(ORDER), lambda: ref.ask(Total()))


def _of_nats(connection: Any) -> Side:
    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Order).decode

    async def ask() -> Any:
        return decode((await connection.request("raw.echo", encode(ORDER), timeout=30)).data)

    async def count() -> int:
        return int((await connection.request("raw.echo", b"", timeout=30)).data)

    return Side(ask, lambda: connection.publish("raw.echo", encode(ORDER)), count)


async def _figures(side: Side, scale: float) -> dict[str, float]:
    for _ in range(100):
        assert await side.ask() == ORDER
    times = []
    for _ in range(int(1_000 * scale)):
        began = time.perf_counter()
        await side.ask()
        times.append(time.perf_counter() - began)
    found = {FIGURES[0]: statistics.median(times) * 1e6}
    for name, width in ((FIGURES[1], 100), (FIGURES[2], 1_000)):
        left = iter(range(int(15_000 * scale)))

        async def work(left: Any = left) -> None:
            for _ in left:
                await side.ask()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(width)))
        found[name] = 15_000 * scale / (time.perf_counter() - began)
    before, sends = await side.count(), int(30_000 * scale)
    began = time.perf_counter()
    for _ in range(sends):
        await side.send()
    while (came := await side.count() - before) < sends:
        await asyncio.sleep(0.001)
    assert came == sends
    found[FIGURES[3]] = sends / (time.perf_counter() - began)
    return found


async def _measure(url: str, token: str, rounds: int, scale: float) -> dict[str, dict[str, float]]:
    connection = await nats.connect(url, token=token, pending_size=1 << 26)
    async with (
        ActorSystem("bench") as system,
        Cluster(system, node="this", engine=engine_of(url, token), uses=[Echo, EchoEntity]) as cluster,
    ):
        local = await system.spawn(Echo)
        sides = dict(
            zip(
                SIDES,
                (
                    _of_nats(connection),
                    _of_ref(await cluster.find("echo", Echo)),
                    _of_ref(cluster.entity(EchoEntity, "one")),
                    _of_ref(local),
                ),
                strict=True,
            )
        )
        found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                found[name].append(await _figures(side, scale))
    await connection.close()
    return {
        name: {figure: statistics.median(each[figure] for each in all_) for figure in FIGURES}
        for name, all_ in found.items()
    }


async def _run(loop: str, rounds: int, scale: float) -> dict[str, dict[str, float]]:
    async with NatsServer() as server:
        other = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.cluster.other",
            server.url,
            server.token,
            loop,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert other.stdout is not None
            assert (await other.stdout.readline()).strip() == b"up"
            return await _measure(server.url, server.token, rounds, scale)
        finally:
            other.kill()
            await other.wait()


def measure(loop: str = "asyncio", *, rounds: int = 5, quick: bool = False) -> dict[str, dict[str, float]]:
    """Return the median of each figure of each side; `quick` is a check, and no figure."""
    found: dict[str, dict[str, float]] = run_on(
        loop, _run(loop, 1 if quick else rounds, 0.05 if quick else 1.0)
    )
    return found


def as_markdown(found: dict[str, dict[str, float]]) -> str:
    """Return the figures as a table, and what they are against raw nats-py."""
    lines = ["## A cluster", "", f"| | {' | '.join(FIGURES)} |", f"|---|{'---|' * len(FIGURES)}"]
    raw = found[SIDES[0]]
    for name, figures in found.items():
        cells = [f"{figures[each]:,.0f} ({figures[each] / raw[each]:.2f})" for each in FIGURES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "In brackets: against raw nats-py, same codec, same run.", ""])
