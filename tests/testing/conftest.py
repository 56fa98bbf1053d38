"""A heap that is frozen once for each test: to look at what is frozen costs more than most runs of a simulation."""

from collections.abc import Iterator

import pytest

from actorio.testing._simulation.heap import steady_heap


@pytest.fixture(autouse=True)
def one_steady_heap() -> Iterator[None]:
    with steady_heap():
        yield
