"""What passes the mailbox is seen to before the next message: failures, then notices."""

from typing import Any

import pytest

from actorio import ActorFailed, ActorSystem, Terminated
from tests.guarantees.actors import Held, Valve, soon
from tests.stage import Boom, Puppet, ticks, until


async def test_a_failing_notice_hook_fails_the_watcher() -> None:
    class Fails(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            raise Boom("in the hook")

    async with ActorSystem() as system:
        watched, watcher = await system.spawn(Puppet), await system.spawn(Fails)
        await watcher.ask(lambda me: me.context.watch(watched))
        watched.kill()
        assert await watcher.ask(lambda me: me.context.incarnation) in (0, 1)
        await until(lambda: watcher.statistics().restarts == 1)


class Watching(Held):
    """Puts its notices down among its messages."""

    async def on_terminated(self, event: Terminated) -> None:
        self.valve.finished.append(event.ref.name)

    async def watch(self, *refs: Any) -> None:
        for ref in refs:
            self.context.watch(ref)


async def test_notices_pass_the_mailbox_in_their_order() -> None:
    async with soon(), ActorSystem() as system:
        others = [await system.spawn(Puppet, name=name) for name in "ab"]
        ref = await system.spawn(Watching, valve := Valve())
        await ref.call(Watching.watch, *others)
        for number in (1, 2):
            await ref.send(number)
        await valve.entered.wait()
        for other in others:
            other.kill()
            await other.join()
        valve.open.set()
    assert valve.finished == [1, "a", "b", 2]


@pytest.mark.parametrize("also_stopped", [False, True])
async def test_a_failure_from_outside_comes_before_notices_and_mail(also_stopped: bool) -> None:
    system = ActorSystem()
    async with soon(), system.events.subscribe(ActorFailed) as failures:
        async with system:
            other = await system.spawn(Puppet)
            ref = await system.spawn(Watching, valve := Valve())
            await ref.call(Watching.watch, other)
            await ref.send(1)
            await valve.entered.wait()
            await ref.send(2)
            other.kill()
            await other.join()
            ref._cell.fail_from_outside(Boom("from outside"))
            if also_stopped:
                ref.stop()
            valve.open.set()
            await ticks(50)
            assert ref.is_alive is not also_stopped
        assert [str(failure.error) async for failure in failures] == ["from outside"]
    assert valve.finished == ([1] if also_stopped else [1, 2])


async def test_after_a_stop_no_notice_is_told() -> None:
    async with soon(), ActorSystem() as system:
        other = await system.spawn(Puppet)
        ref = await system.spawn(Watching, valve := Valve())
        await ref.call(Watching.watch, other)
        await ref.send(1)
        await valve.entered.wait()
        other.kill()
        await other.join()
        ref.stop()
        valve.open.set()
        await ref.join()
    assert valve.finished == [1]


async def test_what_a_notice_fails_with_is_not_blamed_on_the_last_message() -> None:
    class Fails(Puppet):
        async def on_terminated(self, event: Terminated) -> None:
            raise Boom("in the hook")

    system = ActorSystem()
    async with soon(), system.events.subscribe(ActorFailed) as failures:
        async with system:
            other, ref = await system.spawn(Puppet), await system.spawn(Fails)
            await ref.ask(lambda me: me.context.watch(other))
            other.kill()
            await until(lambda: ref.statistics().restarts == 1)
        assert [failure.message async for failure in failures] == [None]
