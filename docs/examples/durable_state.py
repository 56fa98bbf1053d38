import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from actorio import ActorSystem, Ask
from actorio.persistence import DurableState, SqliteStore


@dataclass(frozen=True)
class Put(Ask[int]):  # answered with the number of items
    item: str


@dataclass(frozen=True)
class CartState:
    items: tuple[str, ...] = ()


class Cart(DurableState[Put, CartState]):
    def initial_state(self) -> CartState:
        return CartState()

    async def receive(self, message: Put) -> int:
        new = CartState((*self.state.items, message.item))
        return await self.save(new, reply=lambda state: len(state.items))


async def main(path: Path) -> None:
    for item in ("tea", "milk"):
        async with ActorSystem(store=SqliteStore(path)) as system:
            cart = await system.get_or_spawn("ada", Cart)
            print(item, await cart.ask(Put(item)))


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(Path(folder) / "carts.db"))
