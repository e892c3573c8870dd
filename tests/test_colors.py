"""Colors: what is written in them can be read."""

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from lib.colors import ACCENT, GREY, readable
from lib.plots import use_style


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
        assert contrast_with_white(color) >= 4.5, color


def contrast_with_white(color):
    channels = to_rgb(color)
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (luminance + 0.05)


def test_every_color_can_be_made_readable():
    use_style()
    for number in range(6):
        assert contrast_with_white(readable(f"C{number}")) >= 4.5
