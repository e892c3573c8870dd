"""Colors that mean the same in every picture of the book, and how to write in them."""

from matplotlib.colors import LinearSegmentedColormap, to_rgb

ACCENT = "#176de8"  # the model; held-out is solid, training thin
GREY = "#5f5f5f"  # a baseline is dashed, a theoretical floor dotted
WEIGHT_COLORS = LinearSegmentedColormap.from_list("weights", ["white", ACCENT])


def text_on(share: float) -> str:
    """Black or white, whichever is legible on a share of the accent over white."""
    return "white" if share > 0.97 else "black"


def readable(color: str) -> tuple[float, ...]:
    """A color dark enough for text on white; the accent is so already."""
    rgb = to_rgb(color)
    return rgb if rgb == to_rgb(ACCENT) else tuple(0.6 * channel for channel in rgb)
