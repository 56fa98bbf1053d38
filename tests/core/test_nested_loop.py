"""Under a loop that is run again from inside of a handler, as `nest_asyncio` lets notebooks do, other actors go on."""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from tests.guarantees.actors import soon


class NestingLoop(asyncio.SelectorEventLoop):
    """Does what the patch of `nest_asyncio` does: `run_until_complete` from inside."""

    _nest_patched = True
    _run_once: Any

    def run_inside(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run the loop, within one of its own callbacks, until the work is done."""
        current = asyncio.current_task()
        assert current is not None
        task = self.create_task(work)
        _leave_task(self, current)
        try:
            for _ in range(1000):
                if task.done():
                    return task.result()
                self._run_once()
        finally:
            _enter_task(self, current)
        task.cancel()
        raise TimeoutError("the loop goes round, and nobody answers")


class Other(Actor[Any]):
    """Answers."""

    async def receive(self, message: Any) -> Any:
        return message


class Nesting(Actor[Any]):
    """Asks another actor from inside of a plain handler."""

    def receive(self, message: Any) -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NestingLoop)
        return loop.run_inside(message.ask("answer"))


class Deeper(Nesting):
    """Asks one that nests as well."""

    async def receive(self, message: Any) -> Any:  # type: ignore[override]
        await asyncio.sleep(0)
        nesting, other = message
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NestingLoop)
        return loop.run_inside(nesting.ask(other))


@pytest.mark.parametrize("depth", [1, 2])
def test_other_actors_go_on_under_a_nested_loop(depth: int) -> None:
    async def main() -> Any:
        async with soon(), ActorSystem(shutdown_timeout=0.1) as system:
            other = await system.spawn(Other)
            nesting = await system.spawn(Nesting)
            if depth == 1:
                answers = [await nesting.ask(other) for _ in range(3)]
            else:
                deeper = await system.spawn(Deeper)
                answers = [await deeper.ask((nesting, other)) for _ in range(3)]
            return [*answers, await other.ask("after")]

    with asyncio.Runner(loop_factory=NestingLoop) as runner:
        assert runner.run(main()) == ["answer"] * 3 + ["after"]
