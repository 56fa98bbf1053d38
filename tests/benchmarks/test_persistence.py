"""The benchmark of durable actors leaves nothing behind in a database that is somebody's."""

import asyncio

import pytest

from benchmarks.persistence.table import lines
from tests.persistence.pg import Server, why_there_is_none


@pytest.mark.slow
def test_a_database_can_be_measured_again_and_keeps_no_schema() -> None:
    if reason := why_there_is_none():
        pytest.skip(reason)
    import asyncpg

    async def schemas() -> int:
        connection = await asyncpg.connect(server.dsn)
        try:
            found = await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'bench%'")
        finally:
            await connection.close()
        return int(found)

    server = Server()
    try:
        server.start()
        for _ in range(2):
            assert any("PostgreSQL" in str(line) for line in lines(quick=True, dsn=server.dsn))
            assert asyncio.run(schemas()) == 0
    finally:
        server.stop()
