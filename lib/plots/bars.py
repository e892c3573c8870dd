"""Bars: what each of several things came to, with the error of the measurement."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lib.measure.intervals import mean_and_error
from lib.plots.colors import GREY
from lib.plots.labels import plain

BAR = 0.42  # inches for a bar and the space under it


def bars(
    measured: dict[str, Sequence[float]],
    title: str = "",
    unit: str = "nats per token",
    digits: int = 2,
    baselines: Sequence[str] = (),
) -> Axes:
    """A bar for each name, first on top, as long as the mean of what was measured.

    The thin line across its end is the standard error, and the mean stands beside it.
    Names among the `baselines` are grey, all others the accent. Raises ValueError when
    there is no name, or nothing was measured for one.
    """
    if not measured:
        raise ValueError("measured must hold at least one name, got none")
    figure = plt.figure(figsize=(4.8, BAR * len(measured) + 0.9))
    ax = figure.gca()
    for place, (name, values) in enumerate(measured.items()):
        middle, error = mean_and_error(values)
        color = GREY if name in baselines else "C0"
        ax.barh(place, middle, height=0.62, color=color, alpha=0.85)
        ax.errorbar(middle, place, xerr=error, color="#202020", capsize=3, lw=1)
        end = max(middle + error, 0.0)
        ax.annotate(
            f"{middle:.{digits}f}",
            (end, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    ax.set_yticks(range(len(measured)), [plain(name) for name in measured])
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.16)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set(title=plain(title), xlabel=plain(unit))
    return ax
