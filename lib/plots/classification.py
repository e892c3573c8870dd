"""Pictures of a classifier: its accuracy by the labels that it learned from."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lib.measure.intervals import mean_and_error
from lib.plots.colors import GREY
from lib.plots.labels import plain
from lib.plots.line_names import name_ends


def accuracy_by_labels(
    measured: Mapping[str, Mapping[int, Sequence[float]]],
    title: str = "",
    baselines: Sequence[str] = (),
    ylabel: str = "accuracy",
) -> Axes:
    """A line for each method, over how many labels it learned from, on a log axis.

    `measured[name][labels]` holds the accuracy of each seed: drawn are their mean and
    standard error. Methods among the `baselines` are grey and dashed; the first of the
    others is the accent. Names stand where lines end; "\\n" in one begins a new line.
    Raises ValueError when there is no method, or nothing was measured for one.
    """
    if not measured or not all(measured.values()):
        raise ValueError(f"measured must hold methods and accuracies, got {measured}")
    ax = plt.figure(figsize=(4.8, 4.4)).gca()
    models = [name for name in measured if name not in baselines]
    for name, by_labels in measured.items():
        labels = sorted(by_labels)
        means, errors = zip(
            *(mean_and_error(by_labels[n]) for n in labels), strict=True
        )
        style: dict[str, Any]
        if name in baselines:
            style = {"color": GREY, "linestyle": "--", "marker": "", "linewidth": 1.2}
        else:
            number = models.index(name)
            style = {"color": f"C{number}", "marker": "os^Dv*"[number % 6]}
        ax.errorbar(labels, means, errors, capsize=3, elinewidth=1, **style)
    ticks = sorted({n for by_labels in measured.values() for n in by_labels})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{n:,}" for n in ticks])
    ax.minorticks_off()
    ax.set(title=plain(title), xlabel="labeled reviews to learn from")
    ax.set_ylabel(plain(ylabel))
    ends = {name: mean_and_error(by[max(by)])[0] for name, by in measured.items()}
    name_ends(ax, ends, models)
    return ax
