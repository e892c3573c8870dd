"""Slices: which texts a rule takes, and how sure a share of few answers is."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem, t
from sklearn.metrics import accuracy_score

from lib.measure.slices import (
    CONTRASTS,
    NEGATIONS,
    RATING,
    RULES,
    Slice,
    averaged,
    by_rule,
    contains,
    counted,
    longer_than,
    often,
    shorter_than,
)


@pytest.mark.parametrize(
    "text, is_there",
    [
        ("I would NOT go.", True),
        ("I wouldn't go.", True),
        ("I wouldn’t go.", True),
        ("Nothing works.", True),
        ("A knot, a note, noted.", False),
        ("", False),
    ],
)
def test_what_negates(text, is_there):
    assert often(NEGATIONS, 100)(text) is is_there


def test_how_often_is_often():
    text = "but " + "film " * 9  # one word in ten
    assert often(CONTRASTS, 10)(text) and not often(CONTRASTS, 9)(text)
    assert not often(CONTRASTS, 10)("don't " + "film " * 9)


@pytest.mark.parametrize(
    "text, is_there",
    [
        ("I give it 8/10.", True),
        ("it gets 3.5 out of 5", True),
        ("4 stars from me", True),
        ("Ten out of ten!", True),
        ("In 1999 two men ran.", False),
        ("born 9.11, 10 of them", False),
        ("a stars' parade", False),
    ],
)
def test_what_rates(text, is_there):
    assert contains(RATING)(text) is is_there


def test_length_is_in_words():
    text = "one two, three"  # and a comma
    assert longer_than(3)(text) and not longer_than(4)(text)
    assert shorter_than(5)(text) and not shorter_than(4)(text)


def test_slices_are_counted_by_themselves():
    texts = ["not good", "good", "bad", "never"]
    right = [False, True, True, True]
    rules = {"negated": often(NEGATIONS, 3), "long": longer_than(9)}
    slices = by_rule(texts, right, rules)
    assert list(slices) == ["all", "negated"]  # no text is long
    assert (slices["all"].size, slices["all"].accuracy) == (4, 0.75)
    assert (slices["negated"].size, slices["negated"].accuracy) == (2, 0.5)
    assert slices["all"].accuracy == accuracy_score([1] * 4, [int(r) for r in right])


def test_every_rule_takes_some_texts_and_not_others():
    texts = [
        "It is not good, but I can't go, however bad it is.",
        "Ten out of ten. " + "A film. " * 200,
        'An "idea", 3/10. ' + "We saw it. " * 60,
    ]
    for name, rule in RULES.items():
        assert {rule(text) for text in texts} == {True, False}, name


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_the_interval_is_wilsons(right):
    """By his formula, in terms of z for 95 %."""
    many, share = len(right), sum(right) / len(right)
    z = 1.959963984540054
    middle = (share + z * z / (2 * many)) / (1 + z * z / many)
    half = z * (share * (1 - share) / many + z * z / (4 * many**2)) ** 0.5
    half /= 1 + z * z / many
    result = counted(right)
    assert result[:2] == (many, share)
    assert result[2:] == pytest.approx((middle - half, middle + half), abs=1e-9)
    assert 0 <= result.low <= share <= result.high <= 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_the_interval_of_grades_is_students(grades):
    result = averaged(grades)
    mean, error = np.mean(grades), sem(grades)
    assert result.size == len(grades) and result.accuracy == pytest.approx(mean)
    low, high = t.interval(0.95, len(grades) - 1, mean, error) if error else (mean,) * 2
    expected = max(0, low), min(1, high)
    assert (result.low, result.high) == pytest.approx(expected, abs=1e-9)


def test_a_single_grade_says_nothing_of_others():
    assert averaged([0.3]) == (1, 0.3, 0, 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at least one, got none"):
        averaged([])
    with pytest.raises(ValueError, match=r"grades must lie in 0..1, got \[1.5\]"):
        averaged([1.5, 0.2])
    with pytest.raises(ValueError, match="2 texts do not fit 1 answers"):
        by_rule(["a", "b"], [True])
    with pytest.raises(ValueError, match="0 texts do not fit 0 answers"):
        by_rule([], [])
    with pytest.raises(ValueError, match="at least one answer, got none"):
        counted([])
    with pytest.raises(ValueError, match=r"must be true or false .* got \[0.3\]"):
        inspect.unwrap(counted)([0.3, 1])
    assert isinstance(counted([True]), Slice)
