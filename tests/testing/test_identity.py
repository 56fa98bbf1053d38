"""Tasks, futures and refs hash by birth: sets of them have the same order in every process."""

import asyncio
import threading

from actorio import Actor, ActorSystem
from actorio.testing import simulate
from tests.testing import planted
from tests.testing.test_loop import running


def test_sets_of_futures_are_in_order_of_birth() -> None:
    async def main() -> list[int]:
        futures = [running().create_future() for _ in range(50)]
        for future in futures:
            future.set_result(None)
        done, _ = await asyncio.wait(futures)
        return [futures.index(future) for future in done]

    expected = [number - 1 for number in {*range(1, 51)}]
    assert simulate(main).unwrap() == expected


def test_tasks_are_named_by_function_and_birth() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    async def main() -> list[str]:
        tasks = [asyncio.create_task(work()), asyncio.create_task(work(), name="mine")]
        await asyncio.wait(tasks)
        return [task.get_name() for task in tasks]

    assert simulate(main).unwrap() == ["work-2", "mine"]


def test_task_group_cancels_its_children_in_order_of_birth() -> None:
    assert simulate(planted.group_cancel_order, policy="fifo").unwrap() == list(range(50))


def test_a_race_over_the_order_of_a_set_of_refs_comes_again_on_any_heap() -> None:
    class Named(Actor[list[str]]):
        async def receive(self, message: list[str]) -> None:
            message.append(self.context.name)

    async def main() -> list[str]:
        junk.append(bytearray(len(junk) * 97))
        seen: list[str] = []
        async with ActorSystem() as system:
            refs = {await system.spawn(Named, name=f"n{number}") for number in range(20)}
            for ref in refs | {*reversed([*refs])}:
                await ref.send(seen)
        return seen

    junk: list[bytearray] = []
    assert len({tuple(simulate(main, seed=1).unwrap()) for _ in range(20)}) == 1


async def test_a_ref_in_another_thread_keeps_its_hash() -> None:
    class Quiet(Actor[object]):
        async def receive(self, message: object) -> None: ...

    async with ActorSystem() as system:
        refs = {await system.spawn(Quiet) for _ in range(9)}

        async def main() -> None:
            begin.set()
            while len(seen) < len(refs):  # noqa: ASYNC110 - no event can tell
                await asyncio.sleep(0)

        begin, seen = threading.Event(), list[bool]()

        def look() -> None:
            begin.wait()
            seen.extend(ref in refs for ref in list(refs))

        looking = threading.Thread(target=look)
        looking.start()
        await asyncio.to_thread(lambda: simulate(main).unwrap())
        looking.join()
        assert all(seen)
