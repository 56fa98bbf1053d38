"""One actor a key, ended when it is idle, asked again: passivation."""

import actorio
from actorio import Actor, ActorStoppedError, ActorSystem, Ask

IDLE = "idle"
SAVED: dict[str, int] = {}  # stands in for a database


class Add(Ask[int]):
    def __init__(self, amount: int) -> None:
        self.amount = amount


class Account(Actor[Add | str]):
    def __init__(self, key: str) -> None:
        self.key = key

    async def on_start(self) -> None:
        self.total = SAVED.get(self.key, 0)
        self.context.when_idle(0.02, IDLE)
        print(self.key, "starts with", self.total)

    async def receive(self, message: Add | str) -> int | None:
        if isinstance(message, Add):
            self.total += message.amount
            return self.total
        self.context.ref.close()  # takes no more, handles what it has accepted, and ends
        return None

    async def on_stop(self, reason: object) -> None:
        SAVED[self.key] = self.total
        print(self.key, "is put away")


async def add(system: ActorSystem, key: str, amount: int) -> int:
    while True:
        account = await system.get_or_spawn(key, Account, key)  # waits for one that ends, and spawns it anew
        try:
            return await account.ask(Add(amount))
        except ActorStoppedError:
            continue  # it was put away in between


async def main() -> None:
    async with ActorSystem() as system:
        print("total", await add(system, "ada", 5))
        print("total", await add(system, "ada", 5))
        await system.lookup("ada").join()
        print("total", await add(system, "ada", 5))


actorio.run(main)
