"""Bars: what is drawn is what was measured, with its error."""

import pytest
from matplotlib import pyplot as plt

from lib.measure.intervals import mean_and_error
from lib.plots.bars import bars
from lib.plots.colors import GREY


def test_the_standard_error_by_hand():
    assert mean_and_error([1.0, 2.0, 3.0]) == (2.0, pytest.approx(1 / 3**0.5))
    assert mean_and_error([4.0]) == (4.0, 0.0)


def test_nothing_measured_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        mean_and_error([])


def test_a_bar_is_as_long_as_the_mean():
    measured = {"first": [1.0, 3.0], "second": [0.5], "least": [-0.25, -0.75]}
    ax = bars(measured, "title", "nats", baselines=["second"])
    assert [bar.get_width() for bar in ax.patches] == [2.0, 0.5, -0.5]
    assert [t.get_text() for t in ax.texts] == ["2.00", "0.50", "-0.50"]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(measured)
    assert ax.yaxis_inverted()  # the first on top
    grey = plt.matplotlib.colors.to_rgba(GREY, 0.85)
    assert [bar.get_facecolor() == grey for bar in ax.patches] == [False, True, False]
    low, high = ax.collections[0].get_segments()[0][:, 0]
    assert (low, high) == (1.0, 3.0)  # 2, and an error of sqrt(2) / sqrt(2)


def test_numbers_stand_beside_the_bars_and_inside_the_picture():
    ax = bars({"a": [9.0, 11.0], "b": [1.0]}, digits=1)
    ax.figure.canvas.draw()
    frame = ax.figure.bbox
    for text, bar in zip(ax.texts, ax.patches, strict=True):
        box = text.get_window_extent()
        assert box.x0 > bar.get_window_extent().x1 and box.x1 < frame.x1
