"""Two writers and a reader of one store: who has read up to a position has missed nothing before it (P16)."""

import asyncio
import contextlib
import random
from typing import Any

from actorio import ActorSystem, Supervision
from actorio.errors import ConflictError
from actorio.persistence import MemoryStore, Store
from actorio.testing import FaultyStore, SimulationResult, SimulationSettings, simulate
from tests.persistence.actors import Account, Deposit

__all__ = ["run"]

SETTINGS = SimulationSettings(max_steps=100_000)


async def _writer(system: ActorSystem, names: list[str], draw: random.Random) -> None:
    for _ in range(8):
        name = draw.choice(names)
        with contextlib.suppress(ConflictError):
            ref = await system.get_or_spawn(name, Account)
            await ref.ask(Deposit(1))
        await asyncio.sleep(draw.random() * 0.005)


async def _reader(store: Store, seen: list[int]) -> None:
    while True:
        async for record in store.events(Account, after=seen[-1] if seen else 0):
            seen.append(record.position)
        await asyncio.sleep(0.001)


async def _scenario(seed: int, inner: MemoryStore) -> None:
    draw = random.Random(seed)
    seen: list[int] = []
    async with inner:
        stores = [FaultyStore(inner, slow=0.3, slowest=0.01) for _ in range(2)]
        # Both write to the same ids: an account is fenced as often as the draw has it.
        often = Supervision(max_restarts=1000)
        async with (
            ActorSystem(store=stores[0], supervision=often) as one,
            ActorSystem(store=stores[1], supervision=often) as two,
        ):
            reading = asyncio.create_task(_reader(inner, seen))
            await asyncio.wait(
                [asyncio.create_task(_writer(system, ["ada", "bob", "eve"], draw)) for system in (one, two)]
            )
        await asyncio.sleep(0.1)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        everything = [record.position async for record in inner.events(Account)]
        assert seen == everything, f"missed {sorted({*everything} - {*seen})}"


def run(seed: int, *, make: Any = MemoryStore, tape: Any = None) -> SimulationResult[None]:
    """Run it once."""

    async def main() -> None:
        await _scenario(seed, make())

    return simulate(main, seed=seed, settings=SETTINGS, tape=tape)
