"""The figures of a system as Prometheus reads them: of the last census, by class, never by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from actorio.observability.survey import class_rows, senders_of, states_of, stuck_of
from actorio.observability.turn_durations import BOUNDS

if TYPE_CHECKING:
    from prometheus_client import Metric

    from actorio.observability.seen import Seen
    from actorio.observability.turn_durations import DurationCounts

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SYSTEM, _CLASS = "actorio_system", "actorio_actor_class"


def exposition(observatory: Seen) -> bytes:
    """Return all metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(observatory))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, observatory: Seen) -> None:
        self._observatory = observatory

    def collect(self) -> Iterable[Metric]:
        observatory = self._observatory
        system = observatory.runtime.name
        yield from self._of_classes(system)
        if observatory.times is not None:
            yield self._of_turns(system, observatory.times.durations)
        letters = CounterMetricFamily(
            "actorio_dead_letters", "Messages that will not be handled.", None, [_SYSTEM, "actorio_reason"]
        )
        for reason, count in tuple(observatory.lives.letters.by_reason.items()):
            letters.add_metric([system, reason], count)
        yield letters
        lag = GaugeMetricFamily("actorio_loop_lag_seconds", "How late the loop was.", None, [_SYSTEM])
        watchdog, blocked = observatory.watchdog, observatory.watchdog.blocked
        now = 0.0 if blocked is None else blocked.seconds
        lag.add_metric([system], max(watchdog.lag, now))
        yield lag
        total = CounterMetricFamily(
            "actorio_loop_blocked_seconds", "For how long the loop was blocked.", None, [_SYSTEM]
        )
        total.add_metric([system], watchdog.seconds + now)
        yield total

    def _of_classes(self, system: str) -> Iterator[Metric]:
        observatory = self._observatory
        census = observatory.census
        rows = class_rows(census)
        kept = {row.cls for row in rows}
        actors = GaugeMetricFamily(
            "actorio_actors", "Actors.", None, [_SYSTEM, _CLASS, "actorio_actor_state"]
        )
        for (cls, state), count in states_of(census, kept).items():
            actors.add_metric([system, cls, state], count)
        yield actors
        for name, text, field in (
            ("actorio_messages_handled", "Messages handled to the end.", "handled"),
            ("actorio_actor_failures", "What has raised.", "failed"),
            ("actorio_actor_restarts", "Restarts.", "restarts"),
        ):
            counter = CounterMetricFamily(name, text, None, [_SYSTEM, _CLASS])
            for row in rows:
                counter.add_metric([system, row.cls], getattr(row, field))
            yield counter
        for name, text, field in (
            ("actorio_mailbox_depth", "Messages that wait.", "depth"),
            ("actorio_mailbox_deepest", "Most messages in one mailbox.", "deepest"),
        ):
            gauge = GaugeMetricFamily(name, text, None, [_SYSTEM, _CLASS])
            for row in rows:
                gauge.add_metric([system, row.cls], getattr(row, field))
            yield gauge
        for name, text, counts in (
            ("actorio_mailbox_senders", "Senders that wait for room.", senders_of(census, kept)),
            (
                "actorio_actors_stuck",
                "Actors in one turn for long, waiting for no actor.",
                stuck_of(census, kept, observatory.stuck_after),
            ),
        ):
            gauge = GaugeMetricFamily(name, text, None, [_SYSTEM, _CLASS])
            for cls, count in counts.items():
                gauge.add_metric([system, cls], count)
            yield gauge

    def _of_turns(self, system: str, durations: DurationCounts) -> Metric:
        histogram = HistogramMetricFamily(
            "actorio_turn_duration_seconds",
            "How long turns take; one in 64 is measured.",
            labels=[_SYSTEM, _CLASS, "actorio_message_kind", "error_type"],
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        for key, counts in tuple(durations.counts.items()):
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            histogram.add_metric([system, *key], buckets, durations.sums[key])
        return histogram
