"""The runtime of a system: what other threads hand to it, in order, and what finalisers leave to it."""

import asyncio
import sys
import threading
from typing import Any

import pytest

from actorio import (
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
)
from actorio.testing import until
from tests.core.test_threads import Counter, Deferring, _dropped_elsewhere
from tests.guarantees.actors import (
    Recorder,
    Silent,
    outcome,
    soon,
    started,
)
from tests.stage import ticks


async def test_mail_of_eight_threads_arrives_and_each_keeps_its_order() -> None:
    def sender(who: int) -> None:
        barrier.wait()
        for number in range(300):
            ref.send_threadsafe((who, number))

    seen: list[tuple[int, int]] = []
    barrier = threading.Barrier(8)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads and the loop change places at every opportunity
    try:
        async with soon(), ActorSystem() as system:
            ref = await system.spawn(Recorder, seen)
            threads = [threading.Thread(target=sender, args=(who,)) for who in range(8)]
            for thread in threads:
                thread.start()
            await until(lambda: len(seen) == 2_400)
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    for who in range(8):
        assert [number for sender, number in seen if sender == who] == list(range(300))


async def test_a_message_put_down_just_as_the_inbox_is_emptied_is_not_forgotten() -> None:
    """The thread has seen that the loop is on its way; the loop is done before the message is there."""

    class Racing(list[Any]):
        def append(self, item: Any) -> None:
            system._runtime._drain_inbox()
            super().append(item)

        def popleft(self) -> Any:
            return self.pop(0)

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Recorder, seen)
        system._runtime._inbox = Racing()  # type: ignore[assignment]
        for number in range(5):
            ref.send_threadsafe(number)
        await until(lambda: len(seen) == 5)
    assert seen == list(range(5))


async def test_guarantee_01_a_send_that_is_dropped_in_another_thread_is_a_dead_letter_in_this_one() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Silent)
        ref.stop()
        await ref.join()
        letters = system.events.subscribe(DeadLetter)
        kept = [ref.send("late")]
        _dropped_elsewhere(kept)
        assert not letters._items
        assert (await anext(letters)).message == "late"


def test_what_is_dropped_after_the_end_of_its_system_is_nothing_any_more() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Deferring, handles)
            asked = started(outcome(ref.ask(1)))
            await ticks(3)
        kept.extend([ref.send("late"), ref.stream(Counter.count), *handles])
        assert isinstance(await asked, ActorStoppedError)

    handles: list[Any] = []
    kept: list[Any] = []
    asyncio.run(main())
    handles.clear()
    _dropped_elsewhere(kept)


def test_guarantee_03_a_thread_is_told_each_time_that_the_loop_was_closed() -> None:
    """With the system still in it: nobody is left to take what is sent, or to answer."""

    async def begin() -> Any:
        return await (await system.__aenter__()).spawn(Silent)

    system = ActorSystem()
    loop = asyncio.new_event_loop()
    ref = loop.run_until_complete(begin())
    loop.close()
    for _ in range(2):
        for call in (ref.send_threadsafe, ref.ask_threadsafe):
            with pytest.raises(ActorStoppedError):
                call("late")
    system._signals.release()
