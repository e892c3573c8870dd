"""Colors: what is written in them can be read."""

from matplotlib import pyplot as plt

from lib.plots.colors import ACCENT, GREY, WEIGHT_COLORS, readable, text_on
from lib.plots.style import use_style
from tests.helpers.contrast import contrast


def test_text_is_dark_enough_on_white():
    """WCAG contrast of every text color of the style, at least 4.5 to 1."""
    use_style()
    keys = (
        "text.color",
        "axes.labelcolor",
        "axes.titlecolor",
        "xtick.color",
        "ytick.color",
    )
    colors = [plt.rcParams[key] for key in keys] + [ACCENT, GREY]
    for color in colors:
        assert contrast(color, "white") >= 4.5, color


def test_every_color_can_be_made_readable():
    use_style()
    for number in range(6):
        assert contrast(readable(f"C{number}"), "white") >= 4.5


def test_a_number_is_legible_on_every_cell_of_a_heat_map():
    for percent in range(101):
        share = percent / 100
        assert contrast(text_on(share), WEIGHT_COLORS(share)[:3]) >= 4.5, share
