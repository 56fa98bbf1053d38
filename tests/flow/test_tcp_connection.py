"""The example of a state machine of real size: both ends agree, whatever the link loses."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from actorio import ActorRef, ActorSystem
from actorio.testing import SimulationSettings, explore, run_in_virtual_time
from docs.examples.tcp_connection import (
    TWICE_A_LIFE,
    Close,
    Connection,
    Listen,
    Open,
    Segment,
    Send,
    State,
    connect,
)
from tests.guarantees.actors import outcome

LINES = [f"line {number}" for number in range(8)]

Lose = Callable[[Segment], bool]


def lose_nothing(segment: Segment) -> bool:
    return False


async def history(end: ActorRef[Connection]) -> list[str]:
    return [state.name for state in await end.call(Connection.states)]


async def session(system: ActorSystem, lose: Lose) -> tuple[list[str], list[str], list[list[str]]]:
    """Send lines both ways, close both ends, and return what arrived and which way the states went."""
    at_client: list[str] = []
    at_server: list[str] = []
    client, server = await connect(system, lose, at_client.append, at_server.append)
    await server.ask(Listen())
    await client.ask(Open())
    for line in LINES:
        await client.ask(Send(line))
        await server.ask(Send(line.upper()))
    await client.ask(Close())
    await server.ask(Close())
    while (await history(client))[-1] != "CLOSED":  # noqa: ASYNC110 (a state has no event)
        await asyncio.sleep(0.01)
    return at_client, at_server, [await history(client), await history(server)]


def in_virtual_time(main: Callable[[ActorSystem], Any]) -> Any:
    async def run() -> Any:
        async with ActorSystem() as system:
            return await main(system)

    return run_in_virtual_time(run)


def test_the_states_go_the_way_of_the_standard() -> None:
    at_client, at_server, (client, server) = in_virtual_time(lambda system: session(system, lose_nothing))
    assert at_server == LINES
    assert at_client == [line.upper() for line in LINES]
    assert client == ["CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED"]
    assert server == ["CLOSED", "LISTEN", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]


@pytest.mark.parametrize("seed", range(40))
def test_every_line_arrives_once_and_in_order_over_a_lossy_link(seed: int) -> None:
    chance = random.Random(seed)
    at_client, at_server, (client, server) = in_virtual_time(
        lambda system: session(system, lambda segment: chance.random() < 0.3)
    )
    assert at_server == LINES
    assert at_client == [line.upper() for line in LINES]
    assert client[-1] == server[-1] == "CLOSED"


def test_an_end_at_which_nobody_listens_refuses() -> None:
    async def main(system: ActorSystem) -> None:
        client, _ = await connect(system, lose_nothing, print, print)
        opening = asyncio.ensure_future(outcome(client.ask(Open())))
        sending = asyncio.ensure_future(outcome(client.ask(Send("early"))))
        assert isinstance(await opening, ConnectionRefusedError)
        assert isinstance(await sending, ConnectionError)
        assert await history(client) == ["CLOSED", "SYN_SENT", "CLOSED"]

    in_virtual_time(main)


def test_both_ends_may_open_and_close_at_the_same_time() -> None:
    async def main(system: ActorSystem) -> None:
        ends = await connect(system, lose_nothing, print, print)
        for ask in (Open(), Close()):
            for asked in [asyncio.ensure_future(end.ask(ask)) for end in ends]:
                await asked
        await asyncio.sleep(2 * TWICE_A_LIFE)
        for end in ends:
            assert await history(end) == [
                *("CLOSED", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED"),
                *("FIN_WAIT_1", "CLOSING", "TIME_WAIT", "CLOSED"),
            ]

    in_virtual_time(main)


def test_one_end_may_go_on_sending_when_the_other_has_closed() -> None:
    async def main(system: ActorSystem) -> None:
        heard: list[str] = []
        client, server = await connect(system, lose_nothing, heard.append, print)
        await server.ask(Listen())
        await client.ask(Open())
        await client.ask(Close())
        await server.ask(Send("still here"))
        assert heard == ["still here"]
        assert isinstance(await outcome(client.ask(Send("too late"))), ConnectionError)

    in_virtual_time(main)


async def _lossy_session() -> None:
    chance = random.Random(3)
    async with ActorSystem() as system:
        at_client, at_server, ways = await session(system, lambda segment: chance.random() < 0.2)
    assert (at_server, at_client) == (LINES, [line.upper() for line in LINES])
    assert all(way[-1] == State.CLOSED.name for way in ways)


def test_the_connection_holds_in_simulation() -> None:
    assert explore(_lossy_session, seeds=range(15), settings=SimulationSettings()).runs == 15
