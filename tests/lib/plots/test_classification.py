"""Pictures of a classifier: what is drawn is what was measured, and names are clear."""

import pytest
from matplotlib.text import Text

from lib.plots import classification
from lib.plots.colors import GREY

MEASURED = {
    "fine-tuned": {100: [0.7, 0.8, 0.9], 500: [0.85], 20_000: [0.9, 0.9, 0.9]},
    "counts": {100: [0.6], 500: [0.7], 20_000: [0.89]},
    "a method with\na long name": {500: [0.8], 20_000: [0.895, 0.9]},
}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_accuracy_is_drawn_with_its_error_over_labels():
    ax = classification.accuracy_by_labels(MEASURED, "title", baselines=["counts"])
    model, counts, long = (each.lines[0] for each in ax.containers)
    assert model.get_xdata().tolist() == [100, 500, 20_000]
    assert model.get_ydata().tolist() == pytest.approx([0.8, 0.85, 0.9])
    assert (counts.get_linestyle(), counts.get_color()) == ("--", GREY)
    assert model.get_linestyle() == long.get_linestyle() == "-"
    assert model.get_marker() != long.get_marker()
    (low, high), *_ = (s[:, 1] for s in ax.containers[0].lines[2][0].get_segments())
    assert (low, high) == pytest.approx((0.8 - 0.1 / 3**0.5, 0.8 + 0.1 / 3**0.5))
    assert ax.get_xscale() == "log"
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert labels == ["100", "500", "20,000"]


def test_the_names_of_methods_do_not_hide_each_other():
    ax = classification.accuracy_by_labels(MEASURED, baselines=["counts"])
    ax.figure.canvas.draw()
    assert set(texts(ax)) == set(MEASURED)
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without the ties
    assert all(box.x1 <= ax.figure.bbox.x1 for box in boxes)
    for n, box in enumerate(boxes):
        assert box.x0 >= ax.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])
