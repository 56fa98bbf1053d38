"""Actors behind aiohttp: `python aiohttp_app.py`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, Ask, AskTimeoutError


@dataclass(frozen=True)
class Sale(Ask[int]):
    """Answered with the cents in the till."""

    cents: int


class Till(Actor[Sale]):
    def __init__(self) -> None:
        self.cents = 0

    async def receive(self, message: Sale) -> int:
        self.cents += message.cents
        return self.cents


TILL: web.AppKey[ActorRef[Till]] = web.AppKey("till", ActorRef)


async def actors(app: web.Application) -> AsyncIterator[None]:
    async with ActorSystem("shop", close_timeout=10.0) as system:
        app[TILL] = await system.spawn(Till, name="till")
        yield


async def sell(request: web.Request) -> web.Response:
    cents = int(request.query["cents"])
    try:
        return web.json_response(await request.app[TILL].ask(Sale(cents), timeout=1.0))
    except AskTimeoutError as error:
        raise web.HTTPGatewayTimeout(text=str(error)) from error
    except ActorStoppedError as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from error


def make_app() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(actors)
    app.router.add_post("/sales", sell)
    return app


if __name__ == "__main__":
    web.run_app(make_app())
