"""Spawning: what is not awaited, what is not known, and those that are stopped together."""

import asyncio
import inspect
from typing import Any

import pytest

from actorio import Actor, ActorSystem


class Till(Actor[Any]):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def receive(self, message: Any) -> Any:
        return self.total

    async def spawn_below(self) -> Any:
        return self.context.spawn(Till)


def spawns(system: ActorSystem) -> list[Any]:
    return [system.spawn(Till), system.spawn_pool(Till), system.get_or_spawn("till", Till)]


async def test_a_spawn_that_is_not_awaited_says_so_where_it_is_taken_for_a_ref() -> None:
    async with ActorSystem() as system:
        for spawning in spawns(system):
            assert not inspect.iscoroutine(spawning)
            for use in (
                lambda ref: ref.send("message"),
                lambda ref: ref.ask("message"),
                lambda ref: ref.stop(),
                lambda ref: ref.path,
            ):
                with pytest.raises(AttributeError, match=r"before it is awaited: `ref = await \w*spawn"):
                    use(spawning)
            spawning.close()
        assert not system.snapshot().actors


async def test_a_spawn_that_nobody_awaits_is_named_by_a_warning() -> None:
    async with ActorSystem() as system:
        with pytest.warns(RuntimeWarning, match="'spawn' was never awaited"):
            system.spawn(Till)
        assert not system.snapshot().actors


async def test_a_spawn_goes_wherever_a_coroutine_does() -> None:
    async with ActorSystem() as system:
        task = asyncio.create_task(system.spawn(Till, 1))
        async with asyncio.TaskGroup() as group:
            other = group.create_task(system.spawn(Till, 2))
        third, fourth = await asyncio.gather(
            system.spawn(Till, 3), asyncio.wait_for(system.spawn(Till, 4), 5)
        )
        refs = [await task, other.result(), third, fourth]
        assert [await ref.ask("total") for ref in refs] == [1, 2, 3, 4]


async def test_a_task_that_spawns_can_be_cancelled() -> None:
    begun = asyncio.Event()

    class Slow(Actor[Any]):
        async def on_start(self) -> None:
            begun.set()
            await asyncio.Event().wait()

    async with ActorSystem() as system:
        task = asyncio.create_task(system.spawn(Slow, name="slow"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not system.snapshot().actors


async def test_keyword_arguments_of_the_actor_go_through_partial_and_the_error_says_so() -> None:
    async with ActorSystem() as system:
        with pytest.raises(TypeError, match=r"no option 'start'.*`spawn\(partial\(Till, start=\.\.\.\)\)`"):
            await system.spawn(Till, start=5)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="get_or_spawn has no option 'start'"):
            await system.get_or_spawn("till", Till, start=5)  # type: ignore[call-arg]


async def test_dynamic_top_level_actors_are_stopped_together() -> None:
    ending: list[str] = []
    all_there = asyncio.Event()

    class Many(Actor[Any]):
        async def on_stop(self, reason: Any) -> None:
            ending.append(self.context.name)
            if len(ending) == 3:
                all_there.set()
            await all_there.wait()  # one after the other they would wait for ever

    async with ActorSystem() as system:
        await system.spawn(Many, name="one", dynamic=True)
        await system.get_or_spawn("two", Many, dynamic=True)
        await system.spawn(Many, name="three", dynamic=True)
    assert sorted(ending) == ["one", "three", "two"]
