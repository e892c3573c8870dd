"""Pictures of a classifier: what is drawn is what scikit-learn counts."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from lib.measure.slices import Slice
from lib.plots import classification
from lib.plots.colors import GREY

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 2, 400).tolist()
CHANCES = {
    "good": np.clip(0.3 + 0.4 * np.array(TRUTH) + RNG.normal(0, 0.2, 400), 0, 1),
    "poor": np.clip(0.4 + 0.1 * np.array(TRUTH) + RNG.normal(0, 0.2, 400), 0, 1),
}
CHANCES = {name: values.tolist() for name, values in CHANCES.items()}
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


def test_a_dot_for_each_slice():
    slices = {"all": Slice(1200, 0.9, 0.88, 0.92), "long": Slice(30, 0.8, 0.6, 0.9)}
    ax = classification.slice_dots(slices, "title")
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["all (1,200)", "long (30)"] and ax.yaxis_inverted()
    dots = [each.lines[0].get_xdata()[0] for each in ax.containers]
    assert dots == [0.9, 0.8]
    (start, end), *_ = ax.containers[1].lines[2][0].get_segments()
    assert (start[0], end[0]) == pytest.approx((0.6, 0.9))
    assert ax.lines[0].get_xdata()[0] == 0.9  # the dashed line: all


def test_the_confusion_map_counts_by_row():
    ax = classification.confusion_map(
        [0, 0, 0, 1], [0, 0, 1, 1], ["no", "yes"], "title"
    )
    assert texts(ax) == ["2\n67 %", "1\n33 %", "0\n0 %", "1\n100 %"]
    shown = ax.images[0].get_array()
    assert shown.tolist() == [pytest.approx([2 / 3, 1 / 3]), [0, 1]]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["no", "yes"]


def test_a_class_that_never_comes_leaves_its_row_empty():
    ax = classification.confusion_map([0, 0], [0, 1], ["no", "yes"])
    assert texts(ax)[2:] == ["0\n0 %", "0\n0 %"]
    with pytest.raises(ValueError, match=r"names must cover all classes.*\{2\}"):
        classification.confusion_map([0, 2], [0, 1], ["no", "yes"])


def test_the_roc_curve_comes_with_its_area():
    ax = classification.roc(CHANCES, TRUTH, "title")
    for line, (name, values) in zip(ax.lines[1:], CHANCES.items(), strict=True):
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert area == pytest.approx(roc_auc_score(TRUTH, values))
        assert f"{name}: {area:.3f}" in texts(ax)
    guess = ax.lines[0]
    assert (guess.get_linestyle(), guess.get_color()) == ("--", GREY)


def test_reliability_is_the_calibration_curve_over_a_histogram():
    figure = classification.reliability(CHANCES, TRUTH, "title", bins=5)
    above, below = figure.axes
    for number, values in enumerate(CHANCES.values()):
        share, stated = calibration_curve(TRUTH, values, n_bins=5)
        line = above.lines[1 + number]
        assert line.get_xdata().tolist() == stated.tolist()
        assert line.get_ydata().tolist() == share.tolist()
        bars = below.patches[number]
        assert bars.get_xy()[:, 1].max() == np.histogram(values, 5, (0, 1))[0].max()
        assert bars.get_edgecolor() == to_rgba(f"C{number}")
    assert above.lines[0].get_linestyle() == ":"
