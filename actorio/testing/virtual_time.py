"""Virtual time for ordinary tests: an hour of sleeping takes no time, and everything else is as usual.

Order is first-in-first-out, callbacks cost nothing and timers are exact, so that a test can compare times
with `==`. Timers of the same deadline fire in the order they were made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from actorio._core.checks import check_callable
from actorio.testing._simulation.entropy import virtual_clocks
from actorio.testing._simulation.loop import SimLoop
from actorio.testing._simulation.tape import Recorder
from actorio.testing.settings import SimulationSettings

__all__ = ["VirtualTimeLoop", "run_in_virtual_time"]

T = TypeVar("T")

_EXACT = SimulationSettings(quantum=0.0, step_cost=0.0, thread_delay=0.0, max_steps=10_000_000)


class VirtualTimeLoop(SimLoop):
    """An event loop that jumps to its next timer when nothing else can run: `Runner(loop_factory=...)`.

    It has no sockets, processes and threads; work given to an executor runs inline.
    """

    checks_replies = False  # it ends no run: the harness looks at the replies that it gets

    def __init__(self) -> None:
        super().__init__(Recorder(), "fifo", _EXACT)

    def draw_fault(self, bound: int) -> int:
        """Draw a number from 1 to `bound`, the same ones each time: there is no tape, of which 0 would be no fault."""
        return self.random.randint(1, bound)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the report, and log it as asyncio does: no run is made a failure by it."""
        super().default_exception_handler(context)
        asyncio.BaseEventLoop.default_exception_handler(self, context)


def run_in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Like `asyncio.run(main())`, in virtual time; the clocks of the module `time` follow.

    A failure that nobody has looked at is logged, as there; a test with the fixture `virtual_time` fails for it.

    Raises:
        SimDeadlock: nothing can run, no timer is due, and main is not done.
        SimLivelock: ten million callbacks, and main is not done.
        Escaped: the program used something outside, such as a socket.
        TypeError: `main` is not callable.
        RuntimeError: called from within an event loop.
    """
    check_callable("run_in_virtual_time", main)
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("virtual time has an event loop of its own: run it from a plain function")
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with virtual_clocks(loop):
            return runner.run(main())
