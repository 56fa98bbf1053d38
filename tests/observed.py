"""`pytest --observed`: the systems of the tests run with all that looks at them on, and must not behave otherwise (O3).

The parts are entered as a system's block is, and left as it is. Systems in simulation are left alone, since what looks
at them has threads.
"""

import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from actorio import ActorSystem
from actorio.observability import Observatory, Recorder, Telemetry
from actorio.testing import SimLoop

__all__ = ["PARTS"]

_FOLDER = tempfile.TemporaryDirectory(prefix="capsules")
_TRACES = TracerProvider(shutdown_on_exit=False)
_METERS = MeterProvider(shutdown_on_exit=False)

PARTS: list[Callable[[ActorSystem], Any]] = [
    lambda system: Observatory(system, socket=False, timing=True, blocked_after=60.0, stuck_after=0.01),
    lambda system: Recorder(system, _FOLDER.name, keep=4, total=1000, on="errors", every=0),
    lambda system: Telemetry(system, tracer_provider=_TRACES, meter_provider=_METERS, timing=True),
]
"""What is entered in each block."""

_entered: WeakKeyDictionary[ActorSystem, AsyncExitStack] = WeakKeyDictionary()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--observed", action="store_true", help="run all systems with all that looks at them on")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--observed"):
        _observe_all()


def _observe_all() -> None:
    enter, leave = ActorSystem.__aenter__, ActorSystem.__aexit__

    async def entered(self: ActorSystem) -> Any:
        await enter(self)
        if not isinstance(self._runtime.loop, SimLoop):
            stack = AsyncExitStack()
            for part in PARTS:
                await stack.enter_async_context(part(self))
            _entered[self] = stack
        return self

    async def left(self: ActorSystem, *raised: Any) -> Any:
        stack = _entered.pop(self, None)
        try:
            if stack is not None:
                await stack.aclose()
        except BaseException as error:  # as in a block within a block: the outer one is left by it
            if not await leave(self, type(error), error, error.__traceback__):
                raise
            return True
        return await leave(self, *raised)

    ActorSystem.__aenter__ = entered  # type: ignore[method-assign]
    ActorSystem.__aexit__ = left  # type: ignore[method-assign]
