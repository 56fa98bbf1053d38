"""A client whose server is away for a while: it is restarted with growing pauses, and its mail waits."""

import asyncio
import logging

from actorio import Actor, ActorSystem, Backoff, Restart, Supervision, Supervisor, child

logging.getLogger("actorio").setLevel(logging.CRITICAL)  # the failures are on purpose


class Server:
    def __init__(self) -> None:
        self.up = True
        self.refused = 0

    def connect(self) -> None:
        if not self.up:
            self.refused += 1
            self.up = self.refused == 3
            raise ConnectionError("refused")


class Client(Actor[str]):
    def __init__(self, server: Server) -> None:
        self.server = server

    async def on_start(self) -> None:
        self.server.connect()

    async def receive(self, message: str) -> str:
        if not self.server.up:
            raise ConnectionError("reset")
        return f"{message}: done by incarnation {self.context.incarnation}"


async def main() -> None:
    server = Server()
    patient = Supervision(
        max_restarts=10,
        within=60,
        backoff=Backoff(initial=0.01, maximum=1.0, factor=2.0, jitter=0.2),
    )
    client = child(Client, server, name="client", restart=Restart.PERMANENT)
    async with ActorSystem() as system:
        await system.spawn(Supervisor, [client], patient, name="net")
        ref = system.lookup("/net/client", Client)
        server.up = False
        await ref.send("lost")  # fails the client; it is not run again
        print(await ref.ask("kept", timeout=5.0))
        print("refused:", server.refused)


asyncio.run(main())
