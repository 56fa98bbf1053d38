"""Actors that the tests host with `actorio run`, each to end in another way."""

import asyncio

from actorio import Actor

NOT_AN_ACTOR = 5


class Brief(Actor[None]):
    async def on_start(self) -> None:
        print("started", flush=True)
        self.context.stop()

    async def on_stop(self, reason: object) -> None:
        print("stopped", flush=True)


class Forever(Actor[None]):
    async def on_start(self) -> None:
        print("started", flush=True)

    async def on_stop(self, reason: object) -> None:
        print("stopped", flush=True)


class Unstartable(Actor[None]):
    async def on_start(self) -> None:
        raise ValueError("no database")


class Crashing(Actor[None]):
    async def run(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("out of paper")


class Killed(Actor[None]):
    async def on_start(self) -> None:
        self.context.ref.kill()
