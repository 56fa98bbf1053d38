"""A connection that must be closed by the task that has opened it: it lives around the actor's loop."""

import asyncio

import anyio

from actorio import Actor, ActorSystem, run


class Connection:
    """Stands in for a client that is bound to its task, as those on anyio's task groups and scopes are."""

    async def __aenter__(self) -> "Connection":
        self.task = asyncio.current_task()
        self.scope = anyio.CancelScope()
        self.scope.__enter__()
        print("open")
        return self

    async def __aexit__(self, *error: object) -> None:
        self.scope.__exit__(None, None, None)  # RuntimeError in any other task
        print("closed")

    async def query(self, text: str) -> str:
        return text.upper()


class Database(Actor[str]):
    async def run(self) -> None:
        async with Connection() as self.connection:
            await super().run()  # hands each message to `receive`, until the actor ends

    async def receive(self, message: str) -> str:
        return await self.connection.query(message)


async def main() -> None:
    async with ActorSystem() as system:
        database = await system.spawn(Database)
        print(await database.ask("select"))


run(main)
