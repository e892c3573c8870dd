"""A map of words: near each other where their vectors are alike."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lib.plots.labels import plain, plain_line


def word_map(
    places: Float[Tensor, "batch 2"],
    words: Sequence[str],
    groups: Sequence[str],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw words where their vectors lie on a map, each group with a mark of its own.

    `ax.legend()` adds a key to the groups.
    Raises ValueError when there is no word, or not one place and group for each.
    """
    if not 0 < len(places) == len(words) == len(groups):
        raise ValueError(
            f"{len(words)} words do not fit {len(places)} places, {len(groups)} groups"
        )
    ax = plt.figure(figsize=(4.8, 4.8)).gca() if ax is None else ax
    for number, group in enumerate(dict.fromkeys(groups)):
        inside = [i for i, other in enumerate(groups) if other == group]
        x, y = _numbers(places[inside]).T
        mark = {"color": f"C{number}", "markersize": 6, "label": plain(group)}
        ax.plot(x, y, "os^Dv*"[number % 6], **mark)
    ax.set(title=plain(title), xlabel="first direction", ylabel="second direction")
    ax.margins(0.15)
    _write_beside(ax, _numbers(places), words)
    return ax


def _write_beside(ax: Axes, places: np.ndarray, words: Sequence[str]) -> None:
    """Write each word beside its place, where it covers least of what is there."""
    figure = ax.figure.get_figure(root=True)
    figure.draw_without_rendering()  # the axes get their final size
    points = ax.transData.transform(places) * 72 / figure.dpi
    boxes = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]  # left, bottom, ...
    shown = [plain_line(word) for word in words]
    for word, place, (x, y) in zip(shown, places, points, strict=True):
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


def _numbers(places: Float[Tensor, "batch 2"]) -> np.ndarray:
    return places.detach().cpu().float().numpy()
