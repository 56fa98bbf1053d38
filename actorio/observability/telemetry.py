"""OpenTelemetry: a span for each turn of a trace, and metrics by class of actors (extra `otel`).

    async with ActorSystem() as system, Telemetry(system):
        ...

It needs the API package alone. What becomes of spans and metrics is the business of the SDK and its exporters, which
the program sets up as always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from actorio import __version__
from actorio._core.checks import check_instance
from actorio.errors import ActorError
from actorio.observability.turn_durations import TurnDurations
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from actorio._core.observer import Observer
    from actorio.observability.meter import Metrics
    from actorio.observability.spans import Spans

__all__ = ["Telemetry"]

_NAME = "actorio"


class Telemetry:
    """Tells OpenTelemetry of a system, from inside of its block.

    A turn has a span if what it handles was sent in a sampled trace: the child of the span at the call, and current
    in the handler. Ticks of timers and items of sources begin a trace, with a link to who set them.

    Args:
        system: which has been entered.
        tracer_provider: makes the spans; None: the global one.
        meter_provider: makes the metrics; None: the global one.
        spans: whether there are spans.
        metrics: whether there are metrics.
        timing: whether one turn in 64 is timed, for the histogram of durations.
        roots: whether a turn that belongs to no trace begins one. Messages have parcels of their own then, which makes
            a send several times as expensive.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(
        self,
        system: ActorSystem,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        spans: bool = True,
        metrics: bool = True,
        timing: bool = False,
        roots: bool = False,
    ) -> None:
        self._runtime: Any = check_instance("system", system, ActorSystem)._runtime
        _check_installed()
        self._providers = tracer_provider, meter_provider
        self._has_spans, self._has_metrics = spans, metrics
        self._timing, self._roots = timing and metrics, roots
        self._observers: list[Observer] = []
        self._spans: Spans | None = None
        self._metrics: Metrics | None = None

    async def __aenter__(self) -> Self:
        runtime = self._runtime
        if not runtime.is_running or runtime.has_ended:
            raise ActorError(
                f"the system {runtime.name!r} is not running: enter its telemetry inside of its block"
            )
        runtime.check_thread()
        if self._has_spans:
            self._add_spans()
        if self._has_metrics:
            await self._add_metrics()
        for observer in self._observers:
            runtime.observe(observer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        observers, self._observers = self._observers, []
        for observer in observers:
            self._runtime.unobserve(observer)
        if self._spans is not None:
            self._spans.close()
        if self._metrics is not None:
            await self._metrics.stop()

    def _add_spans(self) -> None:
        from opentelemetry import trace

        from actorio.observability.spans import Spans

        tracer = trace.get_tracer(_NAME, __version__, self._providers[0])
        self._spans = Spans(tracer, roots=self._roots)
        self._observers.append(self._spans)

    async def _add_metrics(self) -> None:
        from opentelemetry import metrics

        from actorio.observability.meter import Metrics, duration_histogram

        meter = metrics.get_meter(_NAME, __version__, self._providers[1])
        self._metrics = Metrics(self._runtime, meter)
        if self._timing:
            self._observers.append(TurnDurations(duration_histogram(self._runtime.name, meter)))
        await self._metrics.start()


def _check_installed() -> None:
    try:
        import opentelemetry.trace  # noqa: F401
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise ImportError("Telemetry needs OpenTelemetry: pip install 'actorio-py[otel]'") from missing
