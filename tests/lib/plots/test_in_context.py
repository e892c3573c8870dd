"""Accuracy in context: every seed's dots, the theory under them, names on the lines."""

import pytest
from matplotlib.colors import to_hex

from lib.plots import accuracy_curves, by_examples
from lib.plots.colors import ACCENT, GREY

THEORY = [0.125, 0.25, 0.5]


def test_each_seed_has_its_dots_and_theory_is_dotted():
    measured = [[0.1, 0.2, 0.5], [0.2, 0.3, 0.6]]
    ax = by_examples(measured, THEORY, "It follows $theory$")
    theory, *seeds = ax.lines
    assert list(theory.get_ydata()) == THEORY
    assert (theory.get_linestyle(), to_hex(theory.get_color())) == (":", GREY)
    assert [list(line.get_ydata()) for line in seeds] == [
        [0.1, 0.2, 0.5],
        [0.2, 0.3, 0.6],
    ]
    assert {to_hex(line.get_color()) for line in seeds} == {ACCENT}
    assert {line.get_marker() for line in seeds} == {"o"}
    assert ax.texts[0].get_text() == "the best reader"
    assert ax.get_title("left") == r"It follows \$theory\$"
    low, high = ax.get_ylim()
    assert low < 0 and high > 1


def test_curves_have_names_and_baselines_are_dashed():
    runs = {"new tables": [(10, 0.1), (20, 0.8)], "2 tables": [(10, 0.1), (20, 0.2)]}
    ax = accuracy_curves(runs, baselines={"chance": 0.125})
    first, second, chance = ax.lines
    assert list(first.get_xdata()) == [10, 20] and list(first.get_ydata()) == [0.1, 0.8]
    assert first.get_linewidth() > second.get_linewidth()
    assert chance.get_linestyle() == "--" and to_hex(chance.get_color()) == GREY
    assert {text.get_text() for text in ax.texts} == {*runs, "chance"}
    assert ax.get_xlim()[1] == 20


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"rows of 3, as the theory, got \[2\]"):
        by_examples([[0.1, 0.2]], THEORY)
    with pytest.raises(ValueError, match=r"rows of 3, as the theory, got \[\]"):
        by_examples([], THEORY)
    with pytest.raises(ValueError, match=r"one pair each, got \{'a': 0\}"):
        accuracy_curves({"a": []})
    with pytest.raises(ValueError, match=r"one pair each, got \{\}"):
        accuracy_curves({})
