"""Each kind of store, for the tests that hold for all of them."""

from pathlib import Path

import pytest

from tests.persistence.actors import Stores

KINDS = ["memory", "sqlite", "sqlite-memory", "faulty"]


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """A way to make stores of one kind, all on the same content."""
    return Stores(request.param, tmp_path)
