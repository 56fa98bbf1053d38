"""What is told of an actor: its end, and its figures."""

from __future__ import annotations

from typing import Any

from actorio import Actor, ActorSystem


class Echo(Actor[Any]):
    def receive(self, message: Any) -> Any:
        return message


async def test_the_notice_of_an_end_says_whose_it_is_and_why() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        ref.stop()
        notice = await ref.join()
        assert (notice.ref, notice.reason.value, notice.error) == (ref, "shutdown", None)


async def test_the_figures_count_what_was_handled_and_what_waits() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Echo)
        await ref.ask(1)
        ref.send_nowait(2)
        figures = ref.statistics()
        assert (figures.handled, figures.depth, figures.restarts) == (1, 1, 0)
