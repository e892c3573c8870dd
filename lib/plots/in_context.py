"""In context: how often a model is right after so many examples, and when that came."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from lib.plots.colors import ACCENT, GREY
from lib.plots.labels import plain
from lib.plots.line_names import name_ends


def by_examples(
    measured: Sequence[Sequence[float]],
    theory: Sequence[float],
    title: str = "",
    name: str = "the best reader",
) -> Axes:
    """Dots for the accuracy after 0, 1, 2, ... examples, and theory as a dotted line.

    `measured` has a row for each seed. The line carries its `name`. Raises ValueError
    when there is no row, or one is not as long as the theory.
    """
    if not len(measured) or {len(row) for row in measured} != {len(theory)}:
        sizes = [len(row) for row in measured]
        raise ValueError(
            f"measured must hold rows of {len(theory)}, as the theory, got {sizes}"
        )
    ax = _accuracy_axes(title, "examples in the prompt")
    shown = range(len(theory))
    ax.plot(shown, theory, color=GREY, linestyle=":", linewidth=2)
    for row in measured:
        ax.plot(shown, row, "o", color=ACCENT, markersize=5, alpha=0.55, mew=0)
    ax.set_xticks(shown)
    middle = len(theory) // 2
    ax.annotate(
        plain(name),
        (middle, theory[middle]),
        (6, -18),
        textcoords="offset points",
        color=GREY,
    )
    return ax


def accuracy_curves(
    runs: Mapping[str, Sequence[tuple[int, float]]],
    title: str = "",
    baselines: Mapping[str, float] | None = None,
) -> Axes:
    """Accuracy over training steps, a line for each name, with the name at its end.

    `runs` holds (step, accuracy) pairs; the first is the model, in the accent.
    `baselines` are grey and dashed. Raises ValueError when there is no run, or one has
    no pair.
    """
    if not runs or not all(map(len, runs.values())):
        sizes = {name: len(pairs) for name, pairs in runs.items()}
        raise ValueError(f"runs must hold at least one pair each, got {sizes}")
    ax = _accuracy_axes(title, "training step")
    for number, pairs in enumerate(runs.values()):
        steps, shares = zip(*pairs, strict=True)
        ax.plot(steps, shares, color=f"C{number}", linewidth=1.5 + 0.5 * (number == 0))
    for share in (baselines or {}).values():
        ax.axhline(share, color=GREY, linestyle="--", linewidth=1.2)
    ax.set_xlim(right=max(pairs[-1][0] for pairs in runs.values()))
    ends = {name: pairs[-1][1] for name, pairs in runs.items()}
    name_ends(ax, {**(baselines or {}), **ends}, list(ends))
    return ax


def _accuracy_axes(title: str, below: str) -> Axes:
    ax = plt.figure(figsize=(4.8, 3.6)).gca()
    ax.set(title=plain(title), xlabel=below, ylabel="accuracy", ylim=(-0.02, 1.03))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return ax
