"""The ref of an actor that lives elsewhere raises where the actor would have to be here."""

from __future__ import annotations

import pytest

from actorio import ActorRef, ActorSystem, NotLocalError
from tests.cell.test_far import far


@pytest.mark.parametrize("what", ["submit", "submit_threadsafe", "stream"])
async def test_work_and_streams_do_not_cross(what: str) -> None:
    async with ActorSystem() as system:
        cell, line = far(system)
        assert isinstance(cell.ref, ActorRef)
        with pytest.raises(
            NotLocalError, match=rf"{what} needs an actor of this node, and /shop/till is not one"
        ):
            getattr(cell.ref, what)(print)
        assert line.posted == []


async def test_counters_are_where_the_actor_is() -> None:
    async with ActorSystem() as system:
        with pytest.raises(NotLocalError, match="statistics"):
            far(system)[0].ref.statistics()
