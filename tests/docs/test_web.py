"""The web recipes, run against the real libraries."""

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from actorio import Actor, ActorStoppedError
from actorio.cluster import NatsServer
from actorio.persistence import MemoryStore

httpx = pytest.importorskip("httpx", reason="comes with the test extra")
web = pytest.importorskip("aiohttp.web", reason="comes with the test extra")
test_utils = pytest.importorskip("aiohttp.test_utils", reason="comes with the test extra")
starlette = pytest.importorskip("starlette.applications", reason="comes with the test extra")

ROOT = Path(__file__).parents[2]
WEB = ROOT / "docs" / "examples" / "web"


def load(name: str) -> ModuleType:
    """Import a recipe anew."""
    spec = importlib.util.spec_from_file_location(name, WEB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Crashing(Actor[Any]):
    """Stands in for a till that cannot be kept up."""

    async def receive(self, message: Any) -> None:
        raise RuntimeError("broken")


class Slow(Actor[Any]):
    """Stands in for a till that takes its time."""

    async def receive(self, message: Any) -> None:
        await asyncio.Event().wait()


# --- FastAPI and Starlette ------------------------------------------------------------------------


def client_of(app: Any) -> Any:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


async def test_fastapi_asks_the_actor_and_ends_it_with_the_lifespan() -> None:
    app = load("fastapi_app").app
    async with client_of(app) as client:
        async with app.router.lifespan_context(app):
            sales = [client.post("/sales", params={"cents": 5}) for _ in range(10)]
            totals = [response.json() for response in await asyncio.gather(*sales)]
            assert sorted(totals) == [5 * (number + 1) for number in range(10)]
            till = app.state.till
        assert not till.is_alive
        late = await client.post("/sales", params={"cents": 5})
    assert late.status_code == 503
    assert "/till has ended" in late.json()["detail"]


async def test_fastapi_says_that_an_actor_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("fastapi_app")
    monkeypatch.setattr(module, "Till", Slow)
    async with client_of(module.app) as client, module.app.router.lifespan_context(module.app):
        response = await client.post("/sales", params={"cents": 5})
        module.app.state.till.kill()
    assert response.status_code == 504


async def test_starlette_takes_the_same_lifespan() -> None:
    app = starlette.Starlette(lifespan=load("fastapi_app").lifespan)
    async with app.router.lifespan_context(app):
        assert app.state.till.is_alive
    assert not app.state.till.is_alive


async def test_the_server_is_told_to_end_when_the_actors_cannot_be_kept_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = load("fastapi_app")
    monkeypatch.setattr(module, "Till", Crashing)
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)

    async def serve() -> None:
        async with module.app.router.lifespan_context(module.app):
            for _ in range(4):
                await module.app.state.till.send(None)
            await asyncio.Event().wait()  # as a server waits for its end; this wait is cancelled

    with pytest.raises(ExceptionGroup, match="'shop' has failed"):
        await serve()
    assert raised == [signal.SIGTERM]


# --- aiohttp --------------------------------------------------------------------------------------


async def test_aiohttp_asks_the_actor_and_ends_it_after_the_requests() -> None:
    module = load("aiohttp_app")
    app = module.make_app()
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        totals = []
        for _ in range(3):
            async with client.post("/sales", params={"cents": "5"}) as response:
                totals.append(await response.json())
        till = app[module.TILL]
        assert till.is_alive
    assert totals == [5, 10, 15]
    assert not till.is_alive
    with pytest.raises(ActorStoppedError):
        await till.ask(module.Sale(5))


async def test_aiohttp_says_that_the_actor_has_ended() -> None:
    module = load("aiohttp_app")
    app = module.make_app()
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        app[module.TILL].stop()
        await app[module.TILL].join()
        async with client.post("/sales", params={"cents": "5"}) as response:
            assert response.status == 503


async def test_aiohttp_ends_when_the_actors_cannot_be_kept_up(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("aiohttp_app")
    monkeypatch.setattr(module, "Till", Crashing)
    app = module.make_app()

    async def serve() -> None:
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            for _ in range(4):
                await app[module.TILL].send(None)
            await asyncio.Event().wait()  # as `web.run_app` does; this wait is cancelled
        finally:
            await runner.cleanup()

    with pytest.raises(ExceptionGroup, match="'shop' has failed"):
        await asyncio.wait_for(serve(), 5)


# --- real servers, in a process of their own ------------------------------------------------------

SERVER = """
import asyncio, functools, logging, sys
sys.path.insert(0, {web!r})
import actorio

class Stuck(actorio.Actor):
    async def receive(self, message):
        print("stuck", flush=True)
        await asyncio.Event().wait()  # here

def limited(name, *, close_timeout):
    assert close_timeout is not None  # the recipe gives one; a short one will do here
    return actorio.ActorSystem(name, close_timeout=0.2, shutdown_timeout=0.2)

logging.basicConfig()
import {module} as recipe
recipe.Till, recipe.ActorSystem = Stuck, limited
{start}
"""
STARTS = {
    "fastapi_app": "import uvicorn; uvicorn.run(recipe.app, port={port}, log_level='info')",
    "aiohttp_app": "recipe.web.run_app(recipe.make_app(), host='127.0.0.1', port={port}, shutdown_timeout=0.2)",
}


async def test_an_order_whose_number_is_no_name_is_refused_at_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS", str(tmp_path / "orders.db"))
    app = load("order_service").app
    async with app.router.lifespan_context(app), client_of(app) as client:
        for number in ("a%01b", "x" * 300, "%E2%80%AE"):
            assert (await client.get(f"/orders/{number}")).status_code == 422
        assert (await client.get("/orders/17")).json() == []


async def test_auctions_are_reached_by_the_port_of_any_node(monkeypatch: pytest.MonkeyPatch) -> None:
    async with NatsServer() as server:
        made = [load("auction_service"), load("auction_service")]
        for module in made:  # of one name, as in two processes
            monkeypatch.setitem(sys.modules, "auction_service", module)
            monkeypatch.setattr(module, "PostgresStore", lambda dsn: MemoryStore())
            monkeypatch.setattr(module, "Nats", lambda url: server.engine())
        monkeypatch.setenv("NATS", "")
        monkeypatch.setenv("DATABASE", "")
        one, other = (module.app for module in made)
        async with (
            one.router.lifespan_context(one),
            other.router.lifespan_context(other),
            client_of(one) as first,
            client_of(other) as second,
        ):

            async def bid(client: Any, key: str, cents: int, once: str) -> Any:
                path, headers = f"/lots/{key}/bids", {"idempotency-key": once}
                return await client.post(path, params={"cents": cents}, headers=headers)

            for key in map(str, range(5)):
                assert (await bid(first, key, 5, "a")).json() == 1
                assert (await bid(second, key, 7, "b")).json() == 2
                assert (await bid(second, key, 5, "a")).json() == 1
                assert (await bid(first, key, 6, "c")).status_code == 409
            assert (await bid(first, "%01", 6, "d")).status_code == 422


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("module", STARTS)
def test_a_real_server_with_a_stuck_handler_ends_and_names_the_line(module: str, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="comes with the test extra")
    port = free_port()
    program = tmp_path / "server.py"
    program.write_text(SERVER.format(web=str(WEB), module=module, start=STARTS[module].format(port=port)))
    server = subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            response = answer_of(f"http://127.0.0.1:{port}/sales?cents=5", server)
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=60)
        finally:
            server.kill()
    assert response.status_code == 504
    line = next(number for number, text in enumerate(program.read_text().splitlines(), 1) if "# here" in text)
    assert f"/till at {program}:{line}" in errors


def answer_of(url: str, server: subprocess.Popen[str]) -> Any:
    """Post, as soon as the server listens."""
    while True:
        assert server.poll() is None
        try:
            return httpx.post(url, timeout=30)
        except httpx.ConnectError:
            threading.Event().wait(0.05)
