"""The order service of the documentation, killed under load and started again: each item is in its order once."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "web"
CLIENTS, ITEMS = 6, 6

pytestmark = pytest.mark.real_loop("a web server in a process")


@asynccontextmanager
async def _service(port: int, store: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    program = f"import uvicorn; uvicorn.run('order_service:app', port={port}, log_level='warning')"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=FOLDER, env={**os.environ, "ORDERS": str(store)}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.slow
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_an_order_service_that_is_killed_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    acknowledged = 0
    many = asyncio.Event()

    async def add(client: httpx.AsyncClient, order: int, item: int) -> None:
        """Try until it is answered, under one key."""
        nonlocal acknowledged
        key = {"Idempotency-Key": f"{order}-{item}"}
        while True:
            try:
                answer = await client.post(f"/orders/{order}/items", params={"item": str(item)}, headers=key)
            except httpx.TransportError:  # it is dead, or not there yet
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code == 200
            assert answer.json() == item + 1
            acknowledged += 1
            if acknowledged >= CLIENTS * ITEMS // 3:
                many.set()
            return

    async def customer(client: httpx.AsyncClient, order: int) -> None:
        for item in range(ITEMS):
            await add(client, order, item)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        customers = [asyncio.create_task(customer(client, order)) for order in range(CLIENTS)]
        async with _service(port, tmp_path / "orders.db") as process:
            async with asyncio.timeout(60):
                await many.wait()
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
        assert acknowledged < CLIENTS * ITEMS
        async with _service(port, tmp_path / "orders.db"):
            async with asyncio.timeout(60):
                done, _ = await asyncio.wait(customers)
            for one in done:
                one.result()
            for order in range(CLIENTS):
                items = (await client.get(f"/orders/{order}")).json()
                assert items == [str(item) for item in range(ITEMS)]
