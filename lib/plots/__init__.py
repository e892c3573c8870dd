"""Pictures, in one style for the whole book.

===================  =====================================================
file                 idea
===================  =====================================================
attention_maps.py    who looks at whom
curves.py            a loss as it falls
live_curve.py        the same, while it falls
word_map.py          words where their vectors lie
bars.py              what each of several things came to
dots.py              several models in many tasks
classification.py    a classifier by the labels that it learned from
diagrams.py          boxes and arrows
in_context.py        accuracy by examples in the prompt, and as it grows
line_names.py        names of lines, where they end
labels.py            tokens as they can stand in a picture
colors.py            colors that mean the same everywhere
style.py             the style sheet
===================  =====================================================
"""

from lib.plots.attention_maps import attention_map, head_grid, mask_row
from lib.plots.bars import bars
from lib.plots.colors import ACCENT, GREY, WEIGHT_COLORS
from lib.plots.curves import compare_curves, loss_curve, smooth
from lib.plots.dots import dots
from lib.plots.in_context import accuracy_curves, by_examples
from lib.plots.labels import plain, visible
from lib.plots.style import use_style
from lib.plots.word_map import word_map

__all__ = [
    "ACCENT",
    "GREY",
    "WEIGHT_COLORS",
    "accuracy_curves",
    "attention_map",
    "bars",
    "by_examples",
    "compare_curves",
    "dots",
    "head_grid",
    "loss_curve",
    "mask_row",
    "plain",
    "smooth",
    "use_style",
    "visible",
    "word_map",
]
