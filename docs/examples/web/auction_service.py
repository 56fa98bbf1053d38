"""Auctions on the nodes of a cluster, each behind a port of its own: `uvicorn auction_service:app --port 8001`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Request
from fastapi.responses import JSONResponse

from actorio import ActorError, ActorSystem, Ask
from actorio.cluster import Cluster, Nats
from actorio.persistence import EventSourced, PostgresStore


@dataclass(frozen=True)
class Bid(Ask[int]):
    """Answered with the number of bids."""

    cents: int
    request_id: str


@dataclass(frozen=True)
class BidPlaced:
    cents: int


@dataclass(frozen=True)
class Auction:
    best: int = 0
    bids: int = 0


class TooLow(Exception):
    """There is a better bid."""


class Lot(EventSourced[Bid, BidPlaced, Auction]):
    def initial_state(self) -> Auction:
        return Auction()

    def apply(self, state: Auction, event: BidPlaced) -> Auction:
        return Auction(event.cents, state.bids + 1)

    async def receive(self, message: Bid) -> int:
        if self.done(message.request_id) is None and message.cents <= self.state.best:
            raise TooLow(f"the best bid is {self.state.best}")
        return await self.persist(
            BidPlaced(message.cents), reply=lambda state: state.bids, once=message.request_id
        )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with (
        ActorSystem("auctions", store=PostgresStore(os.environ["DATABASE"]), close_timeout=10.0) as system,
        Cluster(system, engine=Nats(os.environ["NATS"]), entities=[Lot], errors=[TooLow]) as cluster,
    ):
        app.state.cluster = cluster
        yield


app = FastAPI(lifespan=lifespan)

Key = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,64}$")]


@app.post("/lots/{key}/bids")
async def bid(key: Key, cents: int, idempotency_key: Annotated[str, Header()], request: Request) -> int:
    lot = request.app.state.cluster.entity(Lot, key)  # wherever it is
    count: int = await lot.ask(Bid(cents, idempotency_key), timeout=5.0)
    return count


@app.exception_handler(TooLow)
async def too_low(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=409)


@app.exception_handler(ActorError)
async def try_again(request: Request, error: Exception) -> JSONResponse:
    """Tell the client to try again under the same key: a node was lost, or what it had in hand may have been done."""
    return JSONResponse({"detail": str(error)}, status_code=503)
