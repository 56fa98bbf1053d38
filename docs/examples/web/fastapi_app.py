"""Actors behind FastAPI: `uvicorn fastapi_app:app`. Starlette takes the same `lifespan`."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.applications import Starlette

from actorio import Actor, ActorRef, ActorStoppedError, ActorSystem, Ask, AskTimeoutError, RestartLimitError


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


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        async with ActorSystem("shop", close_timeout=10.0) as system:
            app.state.till = await system.spawn(Till, name="till")
            yield
    except* RestartLimitError:
        signal.raise_signal(signal.SIGTERM)  # or the server would go on without its actors
        raise


def the_till(request: Request) -> ActorRef[Till]:
    till: ActorRef[Till] = request.app.state.till
    return till


app = FastAPI(lifespan=lifespan)


@app.post("/sales")
async def sell(cents: int, till: Annotated[ActorRef[Till], Depends(the_till)]) -> int:
    return await till.ask(Sale(cents), timeout=1.0)


@app.exception_handler(AskTimeoutError)
async def too_slow(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=504)


@app.exception_handler(ActorStoppedError)
async def closing(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)
