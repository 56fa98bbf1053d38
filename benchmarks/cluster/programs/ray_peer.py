"""Ray: an actor, which is a process of its own; what is in flight is got in one go, its fastest way."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import ray
from clocks import FIGURES, report

ORDER = (7, "customer-0001", "x" * 60, 3, 9.5)


@ray.remote(num_cpus=0)
class Echo:
    """Answers with what it is sent."""

    def __init__(self) -> None:
        self.count = 0

    def echo(self, order: Any) -> Any:
        self.count += 1
        return order

    def total(self) -> int:
        return self.count


def main(scale: float) -> None:
    ref = Echo.remote()
    for _ in range(100):
        ray.get(ref.echo.remote(ORDER))
    times = []
    for _ in range(int(1_000 * scale)):
        began = time.perf_counter()
        ray.get(ref.echo.remote(ORDER))
        times.append(time.perf_counter() - began)
    found = {FIGURES[0]: statistics.median(times) * 1e6}
    for name, width in ((FIGURES[1], 100), (FIGURES[2], 1_000)):
        goes = max(int(15_000 * scale) // width, 1)
        began = time.perf_counter()
        for _ in range(goes):
            ray.get([ref.echo.remote(ORDER) for _ in range(width)])
        found[name] = goes * width / (time.perf_counter() - began)
    sends = int(30_000 * scale)
    before = ray.get(ref.total.remote())
    began = time.perf_counter()
    for _ in range(sends):
        ref.echo.remote(ORDER)
    if ray.get(ref.total.remote()) - before != sends:
        raise RuntimeError("messages are missing")
    found[FIGURES[3]] = sends / (time.perf_counter() - began)
    report(found)


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        main(float(sys.argv[1]))
    finally:
        ray.shutdown()
