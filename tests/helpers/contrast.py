"""How well text can be read on what is behind it, by WCAG 2.2's definition."""

from matplotlib.colors import to_rgb


def luminance(color) -> float:
    """Relative luminance of a color, from 0 for black to 1 for white."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(color, behind) -> float:
    """The ratio of two colors, from 1 to 21; text should have 4.5 or more."""
    dark, bright = sorted([luminance(color), luminance(behind)])
    return (bright + 0.05) / (dark + 0.05)
