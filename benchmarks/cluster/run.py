"""The measurements: one ask, asks in flight, sends; of a remote ref, an entity, raw nats-py, a local ref, and peers.

The peers run in environments of their own, in the same turns; one that does not install here is told.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import nats

from actorio import ActorSystem
from actorio.cluster import Cluster, NatsServer
from actorio.cluster.server import engine_of
from benchmarks.cluster.other import LEASE, Echo, EchoEntity, Order, Total, run_on
from benchmarks.cluster.programs.clocks import FIGURES, figures
from benchmarks.peers.environments import UnavailableError, python_with

__all__ = ["as_markdown", "measure"]

ORDER = Order(7, "customer-0001", "x" * 60, 3, 9.5)
SIDES = ("raw nats-py", "remote ref", "entity", "local ref")
PEERS = {"xoscar==0.12.0": "xoscar_peer", "casty==0.30.0": "casty_peer", "ray": "ray_peer"}
PROGRAMS = Path(__file__).parent / "programs"
PEER_TIMEOUT = 300.0
"""Seconds for one round of a peer."""


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


def _environments() -> dict[str, Path]:
    """Return the interpreters of the peers that install here; say which do not."""
    found = {}
    for requirement in PEERS:
        try:
            found[requirement] = python_with(requirement)
        except UnavailableError as error:
            print(f"{requirement}: {error}", file=sys.stderr)
    return found


def _peer_figures(requirement: str, python: Path, scale: float) -> dict[str, float] | None:
    """Run one round of a peer; None, and why, when it fails."""
    command = [str(python), f"{PEERS[requirement]}.py", str(scale)]
    try:
        done = subprocess.run(
            command,
            cwd=PROGRAMS,
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT,
            check=True,
            start_new_session=True,  # Ray ends all processes of its group when it ends
        )
        found: dict[str, float] = json.loads(
            next(line for line in done.stdout.splitlines() if line.startswith("{"))
        )
    except (subprocess.SubprocessError, StopIteration) as error:
        print(f"{requirement}: {error!r}", file=sys.stderr)
        return None
    return found


async def _measure(
    url: str, token: str, rounds: int, scale: float, peers: dict[str, Path]
) -> dict[str, dict[str, float]]:
    connection = await nats.connect(url, token=token, pending_size=1 << 26)
    async with (
        ActorSystem("bench") as system,
        Cluster(
            system, node="this", engine=engine_of(url, token), uses=[Echo, EchoEntity], lease=LEASE
        ) as cluster,
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
        found: dict[str, list[dict[str, float]]] = {name: [] for name in (*sides, *peers)}
        for _ in range(rounds):
            for name, side in sides.items():
                assert await side.ask() == ORDER
                found[name].append(await figures(side.ask, side.send, side.count, scale))
            for name, python in peers.items():
                round_ = await asyncio.to_thread(_peer_figures, name, python, scale)
                found[name] += [] if round_ is None else [round_]
    await connection.close()
    return {
        name: {figure: statistics.median(each[figure] for each in all_) for figure in FIGURES}
        for name, all_ in found.items()
        if all_
    }


async def _run(loop: str, rounds: int, scale: float, peers: dict[str, Path]) -> dict[str, dict[str, float]]:
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
            return await _measure(server.url, server.token, rounds, scale, peers)
        finally:
            other.kill()
            await other.wait()


def measure(loop: str = "asyncio", *, rounds: int = 5, quick: bool = False) -> dict[str, dict[str, float]]:
    """Return the median of each figure of each side; `quick` is a check, without peers, and no figure."""
    found: dict[str, dict[str, float]] = run_on(
        loop,
        _run(loop, 1, 0.05, {}) if quick else _run(loop, rounds, 1.0, _environments()),
    )
    return found


def as_markdown(found: dict[str, dict[str, float]]) -> str:
    """Return the figures as a table, and what they are against raw nats-py."""
    lines = ["## A cluster", "", f"| | {' | '.join(FIGURES)} |", f"|---|{'---|' * len(FIGURES)}"]
    raw = found[SIDES[0]]
    for name, row in found.items():
        cells = [f"{row[each]:,.0f} ({row[each] / raw[each]:.2f})" for each in FIGURES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "In brackets: against raw nats-py, same codec, same run.", ""])
