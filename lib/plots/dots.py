"""Dots: how well several models do in each of many tasks, baselines beside them."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lib.plots.colors import GREY
from lib.plots.labels import plain

ROW = 0.34  # inches for a task
MARKERS = "os^Dv"


def dots(
    measured: Mapping[str, Mapping[str, Sequence[float]]],
    baselines: Mapping[str, float],
    title: str = "",
    unit: str = "right, in percent",
    baseline: str = "best baseline",
) -> Axes:
    """A row a task, first on top, with a dot for the mean of each model's seeds.

    `measured[model][task]` holds a number for each seed; a thin line joins the lowest
    and the highest. A grey stroke is the task's baseline. The first model is the
    accent and its dot full, the others are hollow. Raises ValueError when there is no
    model or no task, and for models that were not measured in the same tasks.
    """
    tasks = _tasks(measured)
    ax = plt.figure(figsize=(4.8, ROW * len(tasks) + 1.3)).gca()
    for number, (name, by_task) in enumerate(measured.items()):
        color, face = f"C{number}", "white" if number else f"C{number}"
        means = [sum(by_task[task]) / len(by_task[task]) for task in tasks]
        for place, task in enumerate(tasks):
            ends = [min(by_task[task]), max(by_task[task])]
            ax.plot(ends, [place, place], color=color, linewidth=1, marker="")
        ax.plot(
            means,
            range(len(tasks)),
            linestyle="",
            color=color,
            marker=MARKERS[number % len(MARKERS)],
            markerfacecolor=face,
            label=plain(name),
        )
    places = [place for place, task in enumerate(tasks) if task in baselines]
    known = [baselines[tasks[place]] for place in places]
    stroke = {"marker": "|", "markersize": 13, "markeredgewidth": 2, "linestyle": ""}
    ax.plot(known, places, color=GREY, label=plain(baseline), **stroke)
    ax.set_yticks(range(len(tasks)), [plain(task) for task in tasks])
    ax.invert_yaxis()
    ax.grid(axis="y", linewidth=0.5, alpha=0.4)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set(title=plain(title), xlabel=plain(unit))
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -2 * ROW / (ROW * len(tasks))))
    return ax


def _tasks(measured: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """The tasks, which are the same for all models."""
    every = [list(by_task) for by_task in measured.values()]
    if (
        not every
        or not every[0]
        or not all(map(all, (m.values() for m in measured.values())))
    ):
        raise ValueError(f"measured must hold models and tasks, got {measured}")
    if odd := [tasks for tasks in every if set(tasks) != set(every[0])]:
        raise ValueError(f"models must have the tasks {every[0]}, got {odd[0]}")
    return every[0]
