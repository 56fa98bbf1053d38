"""The heap of a run: garbage is collected before and after it, at the same steps of each."""

import asyncio
import gc
import subprocess
import sys

from actorio.testing import simulate
from tests.testing import planted


def test_the_heap_is_left_as_it_was() -> None:
    enabled, frozen = gc.isenabled(), gc.get_freeze_count() > 0
    simulate(planted.disorder)
    assert (gc.isenabled(), gc.get_freeze_count() > 0) == (enabled, frozen)


def test_finalisers_run_at_the_same_step_of_each_run() -> None:
    async def main() -> list[int]:
        collected: list[int] = []

        class Cycle:
            def __init__(self) -> None:
                self.me = self

            def __del__(self) -> None:
                collected.append(running.steps)

        running = asyncio.get_running_loop()
        for _ in range(2_500):
            Cycle()
            await asyncio.sleep(0)
        return sorted(set(collected))

    steps = simulate(main).unwrap()
    assert steps == [1_000, 2_000]
    assert simulate(main).unwrap() == steps


def test_garbage_of_earlier_runs_is_gone_before_a_run_begins() -> None:
    collected: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            collected.append("earlier")

    async def main() -> list[str]:
        return list(collected)

    Cycle()
    assert simulate(main).unwrap() == ["earlier"]


MANY = """
import asyncio, gc
from actorio import Actor, ActorSystem
from actorio.testing import simulate

class Echo(Actor):
    async def receive(self, message):
        return message

async def main():
    async with ActorSystem() as system:
        assert await (await system.spawn(Echo)).ask(1) == 1

counts = []
for seed in range(150):
    assert simulate(main, seed=seed).error is None
    counts.append(len(gc.get_objects()))
print(min(counts[-40:]) - min(counts[:40]))
"""


def test_many_runs_leave_no_garbage() -> None:
    # In a process of its own: the tests of this package share one steady heap, where each run begins with a collection.
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_000
