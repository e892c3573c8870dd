"""Curves: a loss as it falls, and several beside each other."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lib.plots.colors import ACCENT, GREY
from lib.plots.labels import plain
from lib.plots.line_names import name_ends


def loss_curve(
    losses: Sequence[float],
    title: str = "",
    held_out: Sequence[tuple[int, float]] = (),
    baselines: dict[str, float] | None = None,
    floors: dict[str, float] | None = None,
    band: tuple[float, float] | None = None,
    per: str = "token",
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a loss over training steps: thin in training, solid on held-out text.

    `held_out` holds (step, loss) pairs; `baselines` and `floors` are horizontal lines
    with their names on them; `band` shades the losses that the chapter promises to end
    in; `per` is what a loss is the mean over; `ylim` shows only losses between two.
    """
    ax = plt.figure().gca() if ax is None else ax
    ax.plot(losses, color=ACCENT, linewidth=0.8, alpha=0.5)
    if held_out:
        ax.plot(*zip(*held_out, strict=True), color=ACCENT)
        above = [loss - held_out[-1][1] for loss in (baselines or {}).values()]
        below = any(0 < distance < 0.25 for distance in above)  # a name is there
        ax.annotate(
            "held-out",
            held_out[-1],
            (0, -16 if below else 6),
            textcoords="offset points",
            ha="right",
            color=ACCENT,
        )
    ends = [*losses[-1:], *(loss for _, loss in held_out[-1:])]
    for lines, style in ((baselines, "--"), (floors, ":")):
        for name, loss in (lines or {}).items():
            passed = bool(ends) and loss > ends[-1]
            side = int(style == "--" and passed)  # right, where the curve is below
            ax.axhline(loss, color=GREY, linestyle=style, linewidth=1.5)
            ax.annotate(
                plain(name),
                (side, loss),
                (2 * (1 - side), 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha=("left", "right")[side],
                color=GREY,
            )
    if band:
        ax.axhspan(*band, color=ACCENT, alpha=0.12, linewidth=0)
    ax.set(title=plain(title), xlabel="training step")
    ax.set_ylabel(plain(f"loss (nats per {per})"))
    ax.set(ylim=ylim)
    return ax


def smooth(losses: Sequence[float], span: int = 20) -> list[float]:
    """The mean of each loss and up to `span - 1` before it, so that a trend is seen.

    Raises ValueError unless `span` is above 0.
    """
    if span < 1:
        raise ValueError(f"span must be above 0, got {span}")
    sums = np.cumsum([0.0, *losses])
    return [
        (sums[i + 1] - sums[max(i + 1 - span, 0)]) / min(i + 1, span)
        for i in range(len(losses))
    ]


def compare_curves(
    runs: dict[str, tuple],
    title: str = "",
    baselines: dict[str, float] | None = None,
) -> Axes:
    """Several curves, each a pair (x, y), with its name where it ends.

    The first is the model, in the accent; `baselines` are grey and dashed. Raises
    ValueError when there is no curve, or one has no finite loss.
    """
    if not runs:
        raise ValueError("runs must hold at least one curve, got none")
    ends = {name: _last_finite(name, y) for name, (_, y) in runs.items()}
    ax = plt.figure(figsize=(4.8, 3.8)).gca()
    for number, (x, y) in enumerate(runs.values()):
        ax.plot(x, y, color=f"C{number}", linewidth=2 if number == 0 else 1.5)
    for loss in (baselines or {}).values():
        ax.axhline(loss, color=GREY, linestyle="--", linewidth=1.2)
    last = max(float(x[-1]) for x, _ in runs.values())
    ax.set(title=plain(title), xlabel="training step", ylabel="loss (nats per token)")
    ax.set_xlim(right=last)
    name_ends(ax, {**(baselines or {}), **ends}, list(ends))
    return ax


def _last_finite(name: str, losses: Sequence[float]) -> float:
    """Where a curve ends that may have diverged."""
    finite = [float(loss) for loss in losses if np.isfinite(float(loss))]
    if not finite:
        raise ValueError(f"runs must have finite losses, {name!r} has none")
    return finite[-1]
