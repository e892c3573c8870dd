"""Pictures of a classifier: by labels, by slice, by class, and how sure it may be."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.finetune.labeled import Labels, check_range, whole_numbers
from lib.measure.intervals import mean_and_error
from lib.measure.slices import Slice
from lib.plots.bars import BAR
from lib.plots.colors import ACCENT, GREY, WEIGHT_COLORS, readable, text_on
from lib.plots.labels import plain
from lib.plots.line_names import name_ends

Probabilities = Mapping[str, Sequence[float]]  # of the positive class, by model


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


def slice_dots(slices: Mapping[str, Slice], title: str = "") -> Axes:
    """The accuracy on each slice, first on top, with its 95 % interval and its size.

    The first, all texts, is the dashed line to which the others are compared. Raises
    ValueError when there is no slice.
    """
    if not slices:
        raise ValueError("slices must hold at least one slice, got none")
    ax = plt.figure(figsize=(4.8, BAR * len(slices) + 0.9)).gca()
    whole = next(iter(slices))
    ax.axvline(slices[whole].accuracy, color=GREY, linestyle="--", linewidth=1.2)
    for place, each in enumerate(slices.values()):
        reach = [[each.accuracy - each.low], [each.high - each.accuracy]]
        ax.errorbar(
            each.accuracy, place, xerr=reach, color=ACCENT, marker="o", capsize=3
        )
    names = [plain(f"{name} ({each.size:,})") for name, each in slices.items()]
    ax.set_yticks(range(len(slices)), names)
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set(title=plain(title), xlabel="accuracy, with its 95 % interval")
    return ax


def confusion_map(
    truth: Labels, found: Labels, names: Sequence[str], title: str = ""
) -> Axes:
    """How many texts of each class (rows) were predicted to be of which (columns).

    A row's colors are shares of the row. Raises ValueError for a class without a name,
    and when there is no text or not one prediction for each.
    """
    from sklearn.metrics import confusion_matrix  # slow to import, so only here

    classes = whole_numbers(truth)
    predicted = whole_numbers(found)
    if not classes or len(classes) != len(predicted):
        raise ValueError(
            f"{len(predicted)} predictions do not fit {len(classes)} labels"
        )
    if strange := {*classes, *predicted} - {*range(len(names))}:
        raise ValueError(f"names must cover all classes, got {names} and {strange}")
    counts = confusion_matrix(classes, predicted, labels=range(len(names)))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    ax = plt.figure(figsize=(3.6, 3.2)).gca()
    ax.imshow(shares, cmap=WEIGHT_COLORS, vmin=0, vmax=1)
    for (row, column), many in np.ndenumerate(counts):
        share = shares[row, column]
        cell = f"{many:,}\n{100 * share:.0f} %"
        ax.text(column, row, cell, ha="center", va="center", color=text_on(share))
    labels = [plain(name) for name in names]
    ax.set_xticks(range(len(names)), labels)
    ax.set_yticks(range(len(names)), labels, rotation=90, va="center")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=plain(title), xlabel="the model says", ylabel="the label is")
    return ax


def roc(chances: Probabilities, truth: Labels, title: str = "") -> Axes:
    """Positives found against false alarms, as the bar for a positive is lowered.

    Each model's name comes with the area under its curve: how often a positive text has
    a higher probability than a negative one. Guessing is the dashed diagonal. Raises
    ValueError unless `truth` has both classes, 0 and 1, and each model a probability
    for each text.
    """
    from sklearn.metrics import roc_auc_score, roc_curve  # slow to import, so only here

    classes = _both_classes(chances, truth)
    ax = plt.figure(figsize=(4.2, 4.2)).gca()
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2)
    ax.annotate(
        "guessing: 0.500",
        (0.46, 0.46),
        (8, -10),
        textcoords="offset points",
        color=GREY,
    )
    for number, (name, values) in enumerate(chances.items()):
        false_alarms, hits, _ = roc_curve(classes, values)
        ax.plot(false_alarms, hits, color=f"C{number}")
        label = plain(f"{name}: {roc_auc_score(classes, values):.3f}")
        height = 0.04 + 0.08 * (len(chances) - 1 - number)
        ax.text(0.98, height, label, ha="right", color=readable(f"C{number}"))
    ax.set(title=plain(title), aspect="equal", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set(xlabel="negative texts called positive", ylabel="positive texts found")
    return ax


def reliability(
    chances: Probabilities, truth: Labels, title: str = "", bins: int = 10
) -> Figure:
    """Above: how often texts of a stated probability are positive. Below: how many.

    When a calibrated model gives 100 texts 80 % each, about 80 of them are positive:
    the dotted diagonal. Bins are of equal width; one without a text has no point.
    Raises ValueError as `roc` does, and unless `bins` is above 0.
    """
    from sklearn.calibration import calibration_curve  # slow to import, so only here

    if bins < 1:
        raise ValueError(f"bins must be above 0, got {bins}")
    classes = _both_classes(chances, truth)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(4.2, 5.2), sharex=True, height_ratios=(3, 1)
    )
    above.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    for number, (name, values) in enumerate(chances.items()):
        color = f"C{number}"
        share, stated = calibration_curve(classes, values, n_bins=bins)
        above.plot(stated, share, color=color, marker="os^Dv*"[number % 6])
        height = 0.04 + 0.09 * (len(chances) - 1 - number)
        above.text(0.98, height, plain(name), ha="right", color=readable(color))
        edges = np.linspace(0, 1, bins + 1)
        below.hist(values, edges, histtype="step", color=color, linewidth=1.5)
    above.text(0.02, 0.9, "dotted: calibrated", color=GREY)
    above.set(title=plain(title), ylabel="share that is positive", ylim=(-0.03, 1.03))
    below.set(xlabel="stated probability of positive", ylabel="texts")
    return figure


def _both_classes(chances: Probabilities, truth: Labels) -> list[int]:
    """The labels as numbers, if both classes are there and every model fits them."""
    classes = whole_numbers(truth)
    check_range(classes, 2)
    if len(set(classes)) < 2:
        raise ValueError(f"truth must have both classes, got {sorted(set(classes))}")
    for name, values in chances.items():
        if len(values) != len(classes):
            raise ValueError(
                f"{len(values)} probabilities of {name!r} do not fit "
                f"{len(classes)} labels"
            )
        if not all(0 <= value <= 1 for value in values):
            raise ValueError(f"probabilities must lie in 0..1, {name!r} has others")
    return classes
