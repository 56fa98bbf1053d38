"""An order service whose orders survive kill -9: `uvicorn order_service:app`."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Path, Request
from fastapi.responses import JSONResponse

from actorio import ActorSystem, Ask, RestartLimitError
from actorio.persistence import EventSourced, SqliteStore, StoreError


@dataclass(frozen=True)
class AddItem(Ask[int]):
    """Answered with the number of items."""

    item: str
    request_id: str


@dataclass(frozen=True)
class Items(Ask[tuple[str, ...]]):
    """What has been ordered?"""


@dataclass(frozen=True)
class ItemAdded:
    item: str


@dataclass(frozen=True)
class OrderState:
    items: tuple[str, ...] = ()


class TooManyItems(Exception):
    """An order has 100 items at most."""


class Order(EventSourced[AddItem | Items, ItemAdded, OrderState]):
    def initial_state(self) -> OrderState:
        return OrderState()

    def apply(self, state: OrderState, event: ItemAdded) -> OrderState:
        return OrderState((*state.items, event.item))

    async def receive(self, message: AddItem | Items) -> int | tuple[str, ...]:
        if isinstance(message, Items):
            return self.state.items
        if self.done(message.request_id) is None and len(self.state.items) >= 100:
            raise TooManyItems
        return await self.persist(
            ItemAdded(message.item), reply=lambda state: len(state.items), once=message.request_id
        )


Number = Annotated[str, Path(pattern="^[A-Za-z0-9-]{1,64}$")]  # it becomes the name of an actor


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        async with ActorSystem(store=SqliteStore(os.environ.get("ORDERS", "orders.db"))) as system:
            app.state.system = system
            yield
    except* RestartLimitError:
        signal.raise_signal(signal.SIGTERM)  # or the server would go on without its orders
        raise


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}/items")
async def add(number: Number, item: str, idempotency_key: Annotated[str, Header()], request: Request) -> int:
    order = await request.app.state.system.get_or_spawn(number, Order)
    try:
        count: int = await order.ask(AddItem(item, idempotency_key), timeout=5.0)
    except TooManyItems as error:
        raise HTTPException(409, "the order is full") from error
    return count


@app.get("/orders/{number}")
async def read(number: Number, request: Request) -> list[str]:
    order = await request.app.state.system.get_or_spawn(number, Order)
    return [*await order.ask(Items(), timeout=5.0)]


@app.exception_handler(StoreError)
async def not_written(request: Request, error: Exception) -> JSONResponse:
    """Tell the client to try again under the same key, whatever became of the write."""
    return JSONResponse({"detail": str(error)}, status_code=503)
