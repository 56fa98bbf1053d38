"""The picture of a system: its tree in start order, parents first, however deep."""

from __future__ import annotations

from typing import Any

from actorio import Actor, ActorSystem
from tests.guarantees.actors import Silent, soon


class Deep(Actor[Any]):
    """Has one below it, so many deep."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def on_start(self) -> None:
        if self.left:
            await self.context.spawn(Deep, self.left - 1, name="deep")

    async def receive(self, message: Any) -> None:
        return None


async def test_it_shows_the_tree_in_start_order_with_counters() -> None:
    async with soon(), ActorSystem("shop") as system:
        first = await system.spawn(Deep, 1, name="first")
        await system.spawn(Silent, name="second")
        await first.ask("message")
        picture = system.snapshot()
        assert (picture.name, len(picture)) == ("shop", 3)
        assert [actor.path for actor in picture.walk()] == ["/first", "/first/deep", "/second"]
        (top, *_) = picture.actors
        assert (top.cls, top.state, top.incarnation, top.depth, top.handled) == ("Deep", "running", 0, 0, 1)
        assert [child.path for child in top.children] == ["/first/deep"]
        assert picture.actors[1].children == ()


async def test_a_tree_that_is_deeper_than_the_stack_can_be_pictured_and_walked() -> None:
    deep = 1_500
    async with soon(), ActorSystem() as system:
        parent: Any = system
        for _ in range(deep):
            parent = await (system.spawn if parent is system else parent._cell.instance.context.spawn)(
                Silent, name="a"
            )
        assert len(system.snapshot()) == deep


async def test_a_picture_of_an_empty_system_is_empty() -> None:
    async with ActorSystem() as system:
        assert len(system.snapshot()) == 0
        assert list(system.snapshot().walk()) == []
