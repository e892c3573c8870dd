"""Dots: each stands at the mean of its seeds, in the row of its task."""

import pytest

from lib.plots.dots import dots

MEASURED = {
    "pretrained": {"spelling": [90.0, 96.0], "python": [100.0]},
    "random": {"python": [80.0], "spelling": [10.0, 20.0]},
}


def test_a_dot_is_the_mean_and_a_line_joins_the_seeds():
    ax = dots(MEASURED, {"python": 2.0}, "title")
    assert [each.get_text() for each in ax.get_yticklabels()] == ["spelling", "python"]
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["pretrained"].get_xdata().tolist() == [93.0, 100.0]
    assert lines["random"].get_xdata().tolist() == [15.0, 80.0]
    assert lines["best baseline"].get_xydata().tolist() == [[2.0, 1.0]]
    spans = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert [90.0, 96.0] in [list(each) for each in spans]
    assert ax.yaxis_inverted() and ax.get_title(loc="left") == "title"


@pytest.mark.parametrize("measured", [{}, {"a": {}}, {"a": {"python": []}}])
def test_nothing_measured_is_refused(measured):
    with pytest.raises(ValueError, match="models and tasks"):
        dots(measured, {})


def test_models_of_other_tasks_are_refused():
    with pytest.raises(ValueError, match="must have the tasks"):
        dots({"a": {"python": [1.0]}, "b": {"spelling": [1.0]}}, {})
