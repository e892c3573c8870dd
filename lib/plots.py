"""Pictures: attention as a heat map, loss as a curve, in one style for the book."""

from collections.abc import Sequence
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from torch import Tensor

from lib.colors import ACCENT, GREY, text_on
from lib.line_names import name_ends
from lib.train import Callback, Run

WEIGHT_COLORS = LinearSegmentedColormap.from_list("weights", ["white", ACCENT])


def use_style() -> None:
    """Draw every figure from here on in the book's style, at twice the pixels."""
    plt.style.use(resources.files("lib") / "book.mplstyle")
    set_matplotlib_formats("retina")


def visible(token: str) -> str:
    """A token made visible: a space becomes a middle dot, a line break an arrow."""
    return token.replace(" ", "·").replace("\n", "↵")


def attention_map(
    weights: Float[Tensor, "query key"],
    tokens: Sequence[str],
    title: str = "",
    numbers: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw who looks at whom: a row for each token that looks, a column for each seen.

    White is 0, the accent 1. `numbers` writes each weight, in percent, into its cell.
    Raises ValueError when there is not one token for each row and column.
    """
    if tuple(weights.shape) != (len(tokens), len(tokens)):
        raise ValueError(
            f"{len(tokens)} tokens do not fit weights of shape {tuple(weights.shape)}"
        )
    ax = plt.figure(figsize=(4.8, 4.4)).gca() if ax is None else ax
    ax.imshow(_pixels(weights), cmap=WEIGHT_COLORS, vmin=0, vmax=1)
    labels, upright = ([visible(token) for token in tokens], max(map(len, tokens)) == 1)
    ax.set_xticks(range(len(tokens)), labels, rotation=0 if upright else 45)
    ax.set_yticks(range(len(tokens)), labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=title, xlabel="is looked at", ylabel="looks")
    if numbers:
        _write_percents(ax, weights)
    return ax


def _pixels(weights: Float[Tensor, "query key"]) -> np.ndarray:
    return weights.detach().cpu().float().numpy()


def _write_percents(ax: Axes, weights: Float[Tensor, "query key"]) -> None:
    for row, line in enumerate(weights.tolist()):
        for column, weight in enumerate(line):
            ax.text(
                column,
                row,
                f"{100 * weight:.0f}",
                ha="center",
                va="center",
                color=text_on(weight),
            )


def head_grid(
    weights: Float[Tensor, "head query key"], title: str = "", columns: int = 4
) -> Figure:
    """Every head of a layer as a small picture, to compare at a glance."""
    rows = -(-len(weights) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.8, 1.35 * rows + 0.3), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for number, (ax, head) in enumerate(zip(axes.flat, weights, strict=False)):
        ax.imshow(_pixels(head), cmap=WEIGHT_COLORS, vmin=0, vmax=1)
        ax.set_title(f"head {number}", fontweight="normal")
        ax.add_patch(
            plt.Rectangle((-0.5, -0.5), *head.shape, fill=False, color=GREY, lw=0.8)
        )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def mask_row(masks: dict[str, Float[Tensor, "query key"]], title: str = "") -> Figure:
    """Masks side by side, each with its name: a filled cell is one that may be seen."""
    figure, axes = plt.subplots(1, len(masks), figsize=(4.8, 2.3), sharey=True)
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        ax.pcolormesh(
            _pixels(mask), cmap=WEIGHT_COLORS, vmin=0, vmax=1, edgecolor=GREY, lw=0.4
        )
        ax.set_title(name, fontweight="normal")
        ax.set(xlabel="is looked at", xticks=[], yticks=[], aspect="equal")
    axes[0].set_ylabel("looks")
    axes[0].invert_yaxis()
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


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
    for lines, style, side in ((baselines, "--", 1), (floors, ":", 0)):
        for name, loss in (lines or {}).items():
            ax.axhline(loss, color=GREY, linestyle=style, linewidth=1.5)
            ax.annotate(
                name,
                (side, loss),
                (2 * (1 - side), 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha=("left", "right")[side],
                color=GREY,
            )
    if band:
        ax.axhspan(*band, color=ACCENT, alpha=0.12, linewidth=0)
    ax.set(title=title, xlabel="training step", ylabel=f"loss (nats per {per})")
    ax.set(ylim=ylim)
    return ax


def word_map(
    places: Float[Tensor, "batch 2"],
    words: Sequence[str],
    groups: Sequence[str],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw words where their vectors lie on a map, each group with a mark of its own.

    Raises ValueError when there is not one place and one group for each word.
    """
    if not len(places) == len(words) == len(groups):
        raise ValueError(
            f"{len(words)} words do not fit {len(places)} places, {len(groups)} groups"
        )
    ax = plt.figure(figsize=(4.8, 4.8)).gca() if ax is None else ax
    for number, group in enumerate(dict.fromkeys(groups)):
        inside = [i for i, other in enumerate(groups) if other == group]
        x, y = _pixels(places[inside]).T
        ax.plot(x, y, "os^Dv*"[number % 6], color=f"C{number}", markersize=6)
    ax.set(title=title, xlabel="first direction", ylabel="second direction")
    ax.margins(0.15)
    _write_beside(ax, _pixels(places), words)
    return ax


def _write_beside(ax: Axes, places: np.ndarray, words: Sequence[str]) -> None:
    """Write each word beside its place, where it covers least of what is there."""
    ax.figure.draw_without_rendering()  # the axes get their final size
    points = ax.transData.transform(places) * 72 / ax.figure.dpi
    boxes = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]  # left, bottom, ...
    for word, place, (x, y) in zip(words, places, points, strict=True):
        wide = 5.5 * len(word)  # of letters 9 points high
        spots = [
            (side, up)
            for up in (-3, 3, -8, 7, -12, 12, -17)
            for side in ((5, -5 - wide) if abs(up) < 9 else (-wide / 2, 3, -wide))
        ]
        tried = [(x + dx, y + dy, x + dx + wide, y + dy + 9) for dx, dy in spots]
        covered = [sum(_overlap(box, other) for other in boxes) for box in tried]
        best = int(np.argmin(covered))
        boxes.append(tried[best])
        ax.annotate(word, place, spots[best], textcoords="offset points", fontsize=9)


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """The area that two boxes (left, bottom, right, top) share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


class LiveCurve(Callback):
    """Redraws the loss curve of a run as the model learns, every `every` steps.

    It shows what `lib.train.Evaluate`, standing before it, has measured. Other
    arguments are those of `loss_curve`.
    """

    def __init__(self, every: int = 100, **curve):
        self.every, self.curve, self.picture = every, curve, None

    def after_step(self, run: Run) -> None:
        if run.step % self.every and run.step < run.steps:
            return
        history = run.history
        figure = loss_curve(
            history.losses, held_out=history.held_out, **self.curve
        ).figure
        if self.picture is None:
            self.picture = display(figure, display_id=True)
        else:
            self.picture.update(figure)
        plt.close(figure)


def smooth(losses: Sequence[float], span: int = 20) -> list[float]:
    """The mean of each loss and up to `span - 1` before it, so that a trend is seen."""
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

    The first is the model, in the accent; `baselines` are grey and dashed.
    """
    ax = plt.figure(figsize=(4.8, 3.8)).gca()
    for number, (x, y) in enumerate(runs.values()):
        ax.plot(x, y, color=f"C{number}", linewidth=2 if number == 0 else 1.5)
    for loss in (baselines or {}).values():
        ax.axhline(loss, color=GREY, linestyle="--", linewidth=1.2)
    last = max(float(x[-1]) for x, _ in runs.values())
    ax.set(title=title, xlabel="training step", ylabel="loss (nats per token)")
    ax.set_xlim(right=last)
    ends = {name: float(y[-1]) for name, (_, y) in runs.items()}
    name_ends(ax, {**(baselines or {}), **ends}, list(ends))
    return ax
