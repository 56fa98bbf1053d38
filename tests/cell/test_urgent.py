"""What passes the mailbox is seen to before the next message: failures, then notices."""

from actorio import (
    ActorSystem,
    Terminated,
)
from tests.stage import Boom, Puppet, until


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
