"""Names of lines where the lines end: no legend is needed, none hides another."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from lib.plots.colors import GREY, readable
from lib.plots.labels import plain


def name_ends(ax: Axes, ends: dict[str, float], colored: Sequence[str]) -> None:
    """Names to the right of the lines' ends, moved apart until none hides another.

    A name that had to move is tied to its end by a thin line. Names among the `colored`
    have the color of their number, others are grey.
    """
    order = sorted(ends, key=ends.__getitem__)
    lines = [name.count("\n") + 1 for name in order]
    for _ in range(3):  # where they need more room, the axis grows, and so do they
        low, high = ax.get_ylim()
        gap = 0.062 * (high - low)
        heights = [gap * many for many in lines]
        places = moved_apart([ends[name] for name in order], heights)
        bottom = places[0] - heights[0] / 2
        top = places[-1] + heights[-1] / 2
        ax.set_ylim(min(low, bottom), max(high, top))
    for name, y in zip(order, places, strict=True):
        color = readable(f"C{colored.index(name)}") if name in colored else GREY
        tie = {"arrowstyle": "-", "color": color, "lw": 0.6, "relpos": (0, 0.5)}
        moved = abs(y - ends[name]) > gap / 4
        ax.annotate(
            plain(name),
            (1, ends[name]),
            (1.06 if moved else 1.03, y),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            va="center",
            color=color,
            fontsize=10,
            arrowprops=tie | {"shrinkA": 1, "shrinkB": 1} if moved else None,
        )


def moved_apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Middles of boxes of these heights, low to high: apart, each near where wanted.

    Boxes that touch become a pile, which stands where its boxes want to be on average.
    """
    piles: list[tuple[list[float], list[float]]] = []  # bottoms wanted, heights
    for y, height in zip(wanted, heights, strict=True):
        pile = ([y - height / 2], [height])
        while piles and _bottom(piles[-1]) + sum(piles[-1][1]) > _bottom(pile):
            bottoms, under = piles.pop()
            lifted = [bottom - sum(under) for bottom in pile[0]]
            pile = (bottoms + lifted, under + pile[1])
        piles.append(pile)
    middles = []
    for pile in piles:
        y = _bottom(pile)
        for height in pile[1]:
            middles.append(y + height / 2)
            y += height
    return middles


def _bottom(pile: tuple[list[float], list[float]]) -> float:
    return sum(pile[0]) / len(pile[0])
