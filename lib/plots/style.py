"""The style of every figure in the book."""

import matplotlib.pyplot as plt
from matplotlib_inline.backend_inline import set_matplotlib_formats


def use_style() -> None:
    """Draw every figure from here on in the book's style, at twice the pixels."""
    plt.style.use("lib.plots.book")  # book.mplstyle in this folder
    set_matplotlib_formats("retina")
