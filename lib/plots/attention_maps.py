"""Attention maps: who looks at whom, as a picture."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from lib.plots.colors import GREY, WEIGHT_COLORS, text_on
from lib.plots.labels import plain, plain_token


def attention_map(
    weights: Float[Tensor, "query key"],
    tokens: Sequence[str],
    title: str = "",
    numbers: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw who looks at whom: a row for each token that looks, a column for each seen.

    White is 0, the accent 1. `numbers` writes each weight, in percent, into its cell.
    Raises ValueError when there is no token, or not one for each row and column.
    """
    if not len(tokens) or tuple(weights.shape) != (len(tokens), len(tokens)):
        raise ValueError(
            f"{len(tokens)} tokens do not fit weights of shape {tuple(weights.shape)}"
        )
    ax = plt.figure(figsize=(4.8, 4.4)).gca() if ax is None else ax
    ax.imshow(_pixels(weights), cmap=WEIGHT_COLORS, vmin=0, vmax=1)
    labels = [plain_token(token) for token in tokens]
    upright = all(len(token) == 1 for token in tokens)
    ax.set_xticks(range(len(tokens)), labels, rotation=0 if upright else 45)
    ax.set_yticks(range(len(tokens)), labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=plain(title), xlabel="is looked at", ylabel="looks")
    if numbers:
        _write_percents(ax, weights)
    return ax


def _pixels(
    weights: Float[Tensor, "query key"] | Bool[Tensor, "query key"],
) -> np.ndarray:
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
    weights: Float[Tensor, "head query key"],
    title: str = "",
    columns: int = 4,
    tokens: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """Several heads as small pictures, to compare at a glance.

    `tokens` are written along both axes of each: take few columns and a short text.
    `names` stand above the heads, which are numbered otherwise.
    Raises ValueError unless there is a head and a column, and a name for each head and
    a token for each row where they are given.
    """
    if not len(weights) or columns < 1:
        raise ValueError(
            "weights must have a head and columns must be above 0, "
            f"got {len(weights)} heads and columns={columns}"
        )
    names = [f"head {i}" for i in range(len(weights))] if names is None else names
    labels = [] if tokens is None else [plain_token(token) for token in tokens]
    fits = tokens is None or len(tokens) == weights.size(-1)
    if len(names) != len(weights) or not fits:
        raise ValueError(
            f"{len(names)} names and {len(labels)} tokens do not fit weights of shape "
            f"{tuple(weights.shape)}"
        )
    rows = -(-len(weights) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.8, 5.4 / columns * rows + 0.3), squeeze=False
    )
    for ax in axes.flat[len(weights) :]:
        ax.axis("off")
    for ax, head, name in zip(axes.flat, weights, names, strict=False):
        ax.imshow(_pixels(head), cmap=WEIGHT_COLORS, vmin=0, vmax=1)
        ax.set_title(plain(name), fontweight="normal")
        ax.set_xticks(range(len(labels)), labels)
        ax.set_yticks(range(len(labels)), labels)
        ax.tick_params(length=0, labelsize=8)
        ax.spines[:].set_visible(False)
        ax.grid(visible=False)
        ax.add_patch(
            Rectangle((-0.5, -0.5), *head.shape, fill=False, color=GREY, lw=0.8)
        )
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def mask_row(
    masks: dict[str, Float[Tensor, "query key"] | Bool[Tensor, "query key"]],
    title: str = "",
) -> Figure:
    """Masks side by side, each with its name: a filled cell is one that may be seen.

    Raises ValueError when there is no mask.
    """
    if not masks:
        raise ValueError("masks must hold at least one mask, got none")
    figure, (axes,) = plt.subplots(
        1, len(masks), figsize=(4.8, 2.3), sharey=True, squeeze=False
    )
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        ax.pcolormesh(
            _pixels(mask), cmap=WEIGHT_COLORS, vmin=0, vmax=1, edgecolor=GREY, lw=0.4
        )
        ax.set_title(plain(name), fontweight="normal")
        ax.set(xlabel="is looked at", xticks=[], yticks=[], aspect="equal")
    axes[0].set_ylabel("looks")
    axes[0].invert_yaxis()
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure
