"""Draw the curves: the cost of one against how many there are, on two logarithmic axes.

Needs `matplotlib`, which nothing else does.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.scaling.curves import Points
from benchmarks.scaling.report import kinds_of, unit

__all__ = ["plot_curves"]


def plot_curves(curves: Sequence[Points], path: Path) -> None:
    """Write a panel for each curve; the suffix names the format.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        len(curves), 1, figsize=(7, 3 * len(curves)), layout="constrained", squeeze=False
    )
    for axes, found in zip(panels[:, 0], curves, strict=True):
        for kind in kinds_of(found):
            name, factor, _ = unit(kind)
            costs = {size: point[kind] * factor for size, point in found.at.items() if point.get(kind)}
            axes.plot(
                list(costs), list(costs.values()), marker="o", label=f"{kind} ({name})" if name else kind
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(found.curve.about)
        axes.set_ylabel("cost of one")
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    pyplot.close(figure)
