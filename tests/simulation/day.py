"""A tree of ten thousand actors over a virtual day of kills and failures, under all oracles.

`python -m tests.simulation.day` takes most of a minute; `--actors` and `--hours` make it shorter.
"""

import argparse
import asyncio
import random
import sys
import time
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Restart, Strategy, Supervision, Supervisor, child
from actorio.testing import SimulationResult, SimulationSettings, simulate

BRANCHES = 20
HOUR = 3_600.0
PAUSE = 3.0
"""Virtual seconds between two blows."""
BUDGET = {"max_restarts": 1_000_000, "within": 1.0}
STRATEGIES = [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL]


class Leaf(Actor[str]):
    """Counts its messages, with a timer running, and fails when told to."""

    def __init__(self) -> None:
        self.count = 0

    async def on_start(self) -> None:
        self.context.send_every(HOUR * 8, "tick")

    async def receive(self, message: str) -> int:
        if message == "fail":
            raise RuntimeError(self.context.path)
        self.count += 1
        return self.count


def tree(actors: int) -> tuple[Any, int]:
    """Return the specification of a tree with at least so many actors, four levels deep, and their number."""
    leaves = max(1, round(actors / BRANCHES / BRANCHES))
    count = 1

    def branch(depth: int, name: str) -> Any:
        nonlocal count
        strategy = STRATEGIES[count % len(STRATEGIES)]
        names = [str(number) for number in range(leaves if depth == 0 else BRANCHES)]
        count += len(names)
        children = [child(Leaf, name=number) if depth == 0 else branch(depth - 1, number) for number in names]
        return child(Supervisor, children, Supervision(strategy, **BUDGET), name=name)  # type: ignore[arg-type]

    return branch(2, "top"), count


def day(actors: int, hours: float) -> Any:
    """Return the program: build the tree, strike at random until the time is over, and end it in order."""

    async def main() -> tuple[int, int]:
        spec, count = tree(actors)
        blows = 0
        async with ActorSystem() as system:
            await system.spawn(spec.factory, *spec.args, name="top", restart=Restart.PERMANENT)
            paths = [actor.path for actor in system.snapshot().walk()]
            assert len(paths) == count
            leaves = [path for path in paths if path.count("/") == 4]
            loop = asyncio.get_running_loop()
            while loop.time() < hours * HOUR:
                await strike(system, random.choice(leaves))
                blows += 1
                await asyncio.sleep(PAUSE)
            assert len(system.snapshot()) == count, "an actor is missing at the end of the day"
        return count, blows

    return main


async def strike(system: ActorSystem, path: str) -> None:
    """Send mail, a failure, or both; or kill an actor and have its supervisor start it again."""
    ref: ActorRef[Any] = system.lookup(path)
    blow = random.choice(["mail", "failure", "both", "kill"])
    if blow == "kill":
        ref.kill()
        await ref.join()
        supervisor = system.lookup(path.rpartition("/")[0], Supervisor)
        await supervisor.call(Supervisor.restart_child, ref.name)
        return
    for message in {"mail": ["work"], "failure": ["fail"], "both": ["work", "fail", "work"]}[blow]:
        await ref.send(message)


def run(actors: int, hours: float, seed: int) -> SimulationResult[tuple[int, int]]:
    """Run the day once."""
    settings = SimulationSettings(max_steps=1_000_000_000)
    return simulate(day(actors, hours), seed=seed, policy="random", settings=settings)


def main() -> int:
    """Run, print what it took, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.day", description=__doc__)
    parser.add_argument("--actors", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    result = run(options.actors, options.hours, options.seed)
    took = time.perf_counter() - begun
    if result.error is not None:
        print(*result.story, result.error, sep="\n")
        return 1
    count, blows = result.unwrap()
    print(
        f"{count:,} actors, {result.elapsed / HOUR:.1f} virtual hours, {blows:,} blows, "
        f"{result.steps:,} steps in {took:.1f} s ({result.steps / took:,.0f} a second), all oracles on"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
