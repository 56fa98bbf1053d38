"""What happens when something breaks: real servers, real processes, L = 2 s, H = 0.5 s."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actorio import (
    ActorSystem,
    DeadLetter,
    DeliveryUnknownError,
    EngineError,
    ExitReason,
    NodeNameInUseError,
    NotLocalError,
    Terminated,
)
from actorio.cluster import Cluster, ClusterState, MemberLost, Nats
from actorio.errors import ActorStoppedError, MessageTooLargeError
from tests.cluster.real import HEARTBEAT, LEASE, child, node, outcome, until
from tests.cluster.servers import Proxy, Server
from tests.cluster.shop import Account, Add, Take, Till, Watcher

pytestmark = pytest.mark.slow

SEEN_WITHIN = LEASE + 2 * HEARTBEAT + 1.0
CERTIFICATE = Path(__file__).with_name("certificate.pem")
"""Of a server on 127.0.0.1, signed by itself, with its key; for a hundred years."""
SPARE = 3.0
"""Seconds that a busy machine may add."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_node_that_is_killed_or_frozen_is_lost_within_its_lease(server: Server, how: int) -> None:
    async with node(server, "a") as a, child(server.url, "b") as b:
        till = await a.find("till.b", Till)
        told: list[Terminated] = []
        watcher = await a.system.spawn(Watcher, told)
        await watcher.send(till)
        assert await till.ask(Add(1)) == 1
        (on_b, *_) = [key for key in map(str, range(30)) if await _owner(a, key) == "b"]
        b.process.send_signal(how)
        began = time.monotonic()
        in_flight = asyncio.ensure_future(outcome(till.ask(Add(1))))
        await until(lambda: told)
        assert time.monotonic() - began < SEEN_WITHIN + SPARE
        assert [event.reason for event in told] == [ExitReason.LOST]
        assert isinstance(await in_flight, DeliveryUnknownError)
        assert isinstance(await outcome(till.ask(Add(1))), ActorStoppedError)
        assert await a.entity(Account, on_b).ask(Add(1)) == 1
        assert a.entity(Account, on_b).node == "a"
        if how == signal.SIGSTOP:
            b.process.send_signal(signal.SIGCONT)
            await b.said("Detached")
            await b.said("Rejoined")
            await until(lambda: len(a.members) == 2)


async def _owner(cluster: Cluster, key: str) -> str | None:
    await cluster.entity(Account, key).ask(Take())
    return cluster.entity(Account, key).node


async def test_a_node_that_is_cut_detaches_and_rejoins_after_healing(server: Server) -> None:
    async with Proxy(server.port) as proxy, node(server, "a") as a, node(server, "b", proxy.port) as b:
        keys = [str(key) for key in range(20)]
        for key in keys:
            assert await a.entity(Account, key).ask(Add(1)) == 1
        tokens = {key: _token(a, b, key) for key in keys}
        proxy.freeze()
        lost = a.events.subscribe(MemberLost)
        await until(lambda: b.state is ClusterState.DETACHED)
        assert not b._life.region.shards
        await anext(aiter(lost))
        for key in keys:
            assert await a.entity(Account, key).ask(Add(1)) in (1, 2)
            assert a.entity(Account, key).node == "a"
            assert a.token(a.entity(Account, key)) >= tokens[key]
        proxy.thaw()
        assert await until(lambda: b.state is ClusterState.UP) < 3.0 + SPARE
        assert await b.entity(Account, "0").ask(Add(1)) in (2, 3)


def _token(a: Cluster, b: Cluster, key: str) -> int:
    tokens = []
    for owner in (a, b):
        with contextlib.suppress(NotLocalError):
            tokens.append(owner.token(owner.entity(Account, key)))
    (token,) = tokens
    return token


@pytest.mark.parametrize("how", ["freeze", "kill"])
async def test_a_short_outage_is_only_delay(server: Server, how: str) -> None:
    async with node(server, "a", lease=6.0) as a, node(server, "b", lease=None, heartbeat=None) as b:
        await b.register("till", await b.system.spawn(Till))
        till = await a.find("till", Till)
        incarnations = (a.incarnation, b.incarnation)
        asks: list[asyncio.Future[Any]] = []
        for number in range(1, 301):
            if number == 50:
                await server.kill() if how == "kill" else server.freeze()
            if number == 150:
                await server.start() if how == "kill" else server.thaw()
            if number % 10:
                till.send_nowait(Add(number))
            else:
                asks.append(asyncio.ensure_future(till.ask(Add(number))))
            await asyncio.sleep(0.01)
        assert all(isinstance(answer, int) for answer in await asyncio.gather(*asks, return_exceptions=True))
        assert await till.ask(Take()) == list(range(1, 301))
        assert (a.incarnation, b.incarnation) == incarnations


@pytest.mark.parametrize("forget", [False, True])
async def test_an_outage_longer_than_the_lease_detaches_all_and_all_rejoin(
    server: Server, *, forget: bool
) -> None:
    async with node(server, "a") as a, node(server, "b") as b:
        for key in "uvw":
            assert await a.entity(Account, key).ask(Add(1)) == 1
        tokens = {key: _token(a, b, key) for key in "uvw"}
        local = await a.system.spawn(Till)
        await server.kill()
        await until(lambda: a.state is b.state is ClusterState.DETACHED)
        assert await local.ask(Add(1)) == 1
        held = asyncio.ensure_future(outcome(a.entity(Account, "u").ask(Add(1))))
        await server.start(forget=forget)
        assert await until(lambda: a.state is b.state is ClusterState.UP) < 3.0 + SPARE
        await until(lambda: len(a.members) == len(b.members) == 2)
        assert await held == 1
        for key in "uvw":
            assert await b.entity(Account, key).ask(Add(1)) in (1, 2)
            assert _token(a, b, key) > tokens[key]


async def test_a_name_in_use_is_refused_and_free_when_its_lease_has_run_out(server: Server) -> None:
    async with node(server, "a") as a, child(server.url, "b") as b:
        began = time.monotonic()
        with pytest.raises(NodeNameInUseError):
            async with node(server, "b"):
                pass
        assert time.monotonic() - began < 3 * HEARTBEAT + SPARE
        assert {member.node for member in a.members} == {"a", "b"}
        b.process.kill()
        async with node(server, "b") as again:
            assert again.state is ClusterState.UP


async def test_large_messages_do_not_hold_small_ones_up(server: Server) -> None:
    async with node(server, "a") as a, node(server, "b") as b:
        await b.register("till", await b.system.spawn(Till))
        till: Any = await a.find("till")
        with pytest.raises(MessageTooLargeError):
            till.send(b"x" * 1_000_001)
        bulk = [asyncio.ensure_future(outcome(till.ask(b"x" * 900_000))) for _ in range(20)]
        assert await till.ask(Add(1)) == 1
        assert {type(answer) for answer in await asyncio.gather(*bulk)} == {type(None)}


async def test_a_slow_consumer_has_its_senders_wait_and_its_neighbour_goes_on(server: Server) -> None:
    async with node(server, "a", window=64) as a, node(server, "b") as b:
        await b.register("till", await b.system.spawn(Till))
        slow = await b.system.spawn(Slow)
        await b.register("slow", slow)
        ref = await a.find("slow", Slow)
        till = await a.find("till", Till)
        sending = [ref.send(Add(number)) for number in range(500)]
        assert await till.ask(Add(1)) == 1
        far: Any = ref._cell
        assert len(far.mailbox.untaken) <= 64
        for each in sending:
            await each
        await until(lambda: slow.statistics().handled == 500)
        assert await ref.ask(Take()) == list(range(500))


class Slow(Till):
    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0.001)
        return await super().receive(message)


async def test_an_address_that_is_not_here_needs_tls() -> None:
    with pytest.raises(ValueError, match="tls="):
        Nats("nats://user:secret@nats.example:4222")
    assert "secret" not in repr(Nats("nats://user:secret@nats.example:4222", insecure=True))


async def test_a_wrong_password_and_a_missing_right_are_told_at_joining(tmp_path: Path) -> None:
    config = """
authorization { users: [
  {user: right, password: right},
  {user: deaf, password: deaf, permissions: {publish: {allow: ["$JS.>"]}, subscribe: {allow: ["_INBOX_a.>"]}}}
] }
"""
    async with Server(tmp_path, config) as server:
        for login, said in (
            ({"user": "right", "password": "wrong"}, "uthorization"),
            ({"user": "deaf", "password": "deaf"}, "ermissions"),
        ):
            began = time.monotonic()
            with pytest.raises(EngineError, match=said):
                async with (
                    ActorSystem() as system,
                    Cluster(system, node="a", name="shop", engine=server.engine(**login), join_timeout=20.0),
                ):
                    pass
            assert time.monotonic() - began < 15.0


async def test_a_server_of_an_unknown_authority_is_refused_and_of_a_known_one_joined(tmp_path: Path) -> None:
    config = f'tls {{ cert_file: "{CERTIFICATE}", key_file: "{CERTIFICATE}" }}\n'
    async with Server(tmp_path, config) as server:
        for authorities in (None, CERTIFICATE):
            engine = server.engine(tls=ssl.create_default_context(cafile=authorities))
            refused = pytest.raises(EngineError, match="certificate")
            async with contextlib.AsyncExitStack() as stack:
                if authorities is None:
                    stack.enter_context(refused)
                system = await stack.enter_async_context(ActorSystem("a"))
                made = Cluster(system, node="a", name="shop", engine=engine, join_timeout=20.0)
                assert (await stack.enter_async_context(made)).state is ClusterState.UP


async def test_a_server_that_is_not_there_is_told_when_the_time_to_join_is_over(tmp_path: Path) -> None:
    engine = Server(tmp_path).engine()
    with pytest.raises(EngineError, match="not reached"):
        async with ActorSystem() as system, Cluster(system, engine=engine, join_timeout=0.5):
            pass


async def test_a_message_of_unknown_fate_is_one_dead_letter(server: Server) -> None:
    async with (
        node(server, "a") as a,
        child(server.url, "b") as b,
        a.system.events.subscribe(DeadLetter) as dead,
    ):
        till = await a.find("till.b", Till)
        assert await till.ask(Add(1)) == 1
        b.process.send_signal(signal.SIGSTOP)
        await till.send(Add(2))
        letter = await anext(aiter(dead))
        assert (letter.message, letter.reason) == (Add(2), "unknown")
