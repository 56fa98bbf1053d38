"""Draw the ratios: one bar for each workload and baseline, the line at 1 where actorio costs the same.

Needs `matplotlib`, which nothing else does.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.measure import Measurement
from benchmarks.harness.report import BASELINES, SUBJECT

__all__ = ["plot_ratios"]

COLOURS = {"queue": "#3b6ea5", "lean": "#c98b3c"}


def plot_ratios(measurements: Sequence[Measurement], path: Path) -> None:
    """Write a bar chart of how many times faster actorio is than each baseline; the suffix names the format.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rated = [measurement for measurement in measurements if measurement.workload.rated]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.42 * len(rated)), layout="constrained")
    height = 0.8 / len(BASELINES)
    for place, baseline in enumerate(BASELINES):
        rows = [row for row, measurement in enumerate(rated) if baseline in measurement.series]
        ratios = [rated[row].ratio(SUBJECT, baseline) for row in rows]
        offset = (place - (len(BASELINES) - 1) / 2) * height
        bars = axes.barh(
            [row + offset for row in rows],
            ratios,
            height,
            color=COLOURS[baseline],
            label=f"against {baseline}",
        )
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(range(len(rated)), [measurement.workload.name for measurement in rated])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times faster than the code written by hand")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    pyplot.close(figure)
