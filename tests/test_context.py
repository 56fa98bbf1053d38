"""The `Context`: what an incarnation sees of itself, from its own thread, as long as it lives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
    ExitReason,
    Supervision,
    WrongThreadError,
)
from tests.core.test_hints import untyped
from tests.core.test_threads import Exposed, _from_thread
from tests.guarantees.actors import Silent, soon
from tests.test_store_seam import Noting

CONTEXT: dict[str, Callable[[Any, Any], Any]] = {
    "watch": lambda context, other: context.watch(other),
    "unwatch": lambda context, other: context.unwatch(other),
    "link": lambda context, other: context.link(other),
    "unlink": lambda context, other: context.unlink(other),
    "send_after": lambda context, other: context.send_after(3600, 1),
    "send_every": lambda context, other: context.send_every(3600, 1),
    "start_soon": lambda context, other: context.start_soon(asyncio.sleep, 0),
    "pipe": lambda context, other: context.pipe(other.join()),
    "stash": lambda context, other: context.stash(1),
    "unstash_all": lambda context, other: context.unstash_all(),
    "reply": lambda context, other: context.reply(1),
    "defer": lambda context, other: context.defer(),
    "stop": lambda context, other: context.stop(),
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("name", CONTEXT)
async def test_a_context_belongs_to_the_thread_of_its_system(name: str) -> None:
    async with soon(), ActorSystem() as system:
        ref, other = await system.spawn(Exposed), await system.spawn(Silent)
        actor: Exposed = await ref.ask("self")
        with pytest.raises(WrongThreadError):
            await _from_thread(lambda: CONTEXT[name](actor.context, other))
        cell = ref._cell
        assert not any([cell.owned, cell.tasks, cell.watching, cell.links])
        assert await ref.ask("self") is actor


async def test_awaiting_the_stop_of_a_context_says_that_it_does_not_wait() -> None:
    class Leaving(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await untyped(self.context.stop()) if message == "wait" else self.context.stop()

    async with ActorSystem() as system:
        leaving = await system.spawn(Leaving)
        with pytest.raises(
            TypeError, match="does not wait, the actor ends when this message has been handled"
        ):
            await leaving.ask("wait")
        assert (await leaving.join()).reason is ExitReason.NORMAL
        assert not await (await system.spawn(Leaving)).ask("go")


async def test_fail_ends_the_incarnation_after_its_message_though_the_ask_is_answered() -> None:
    lines: list[str] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Noting, lines)
        assert await ref.ask(ValueError("in doubt")) == (True, False)
        assert await ref.ask("again") == (True, False)
        assert ref.statistics().restarts == 1
    assert lines == ["start False", "stop crashed", "start False", "stop normal"]


async def test_fail_takes_an_exception() -> None:
    class Wrong(Actor[Any]):
        supervision = Supervision()

        async def receive(self, message: Any) -> None:
            self.context.fail(message)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Wrong)
        with pytest.raises(TypeError, match="error must be a BaseException"):
            await ref.ask("no exception")
