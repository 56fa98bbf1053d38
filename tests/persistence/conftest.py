"""Each kind of store, for the tests that hold for all of them."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.persistence.actors import Stores
from tests.persistence.pg import Server, why_there_is_none

KINDS = ["memory", "sqlite", "sqlite-memory", "faulty", "postgres"]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, one for the session."""
    if reason := why_there_is_none():
        pytest.skip(reason)
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def schema() -> str:
    """A schema of its own for each test."""
    return f"test_{next(_numbers)}"


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path, schema: str) -> Stores:
    """A way to make stores of one kind, all on the same content."""
    dsn = request.getfixturevalue("server").dsn if request.param == "postgres" else ""
    return Stores(request.param, tmp_path, dsn, schema)
