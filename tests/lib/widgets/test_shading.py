"""Shaded words: what is shown is what was given, and it can be read by everyone."""

import re
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from lib.widgets.shading import AGAINST, DEEPEST, shaded, strongest_parts
from tests.helpers.contrast import contrast

WORDS = ["a", "<b>", "bad", "film", "&", "good"]
VALUES = torch.tensor([0.0, 0.02, -1.0, 0.5, -0.25, 2.0])


def depths(page):
    """The percent of color behind each word that has any."""
    found = re.findall(r"(\S+) (\d+)%,transparent.*?>([^<]*)</span>", page.data)
    return {word: (AGAINST in color, int(many)) for color, many, word in found}


def test_the_stronger_the_deeper_and_signs_differ():
    page = shaded(WORDS, VALUES)
    deep = depths(page)
    assert deep["good"] == (False, DEEPEST) and deep["bad"] == (True, DEEPEST // 2)
    assert deep["film"] == (False, round(DEEPEST / 4))
    assert deep["&amp;"] == (True, round(DEEPEST / 8)) and "a" not in deep


def test_a_line_tells_what_color_tells():
    for word, line in (("good", "solid"), ("bad", "dotted"), ("film", "solid")):
        span = re.search(rf"<span([^>]*)>{word}</span>", shaded(WORDS, VALUES).data)
        assert f"border-bottom:2px {line}" in span[1]
    span = re.search(r"<span([^>]*)>&lt;b&gt;</span>", shaded(WORDS, VALUES).data)
    assert "border-bottom" not in span[1]  # 1 % of the strongest


def test_the_strongest_words_are_named_with_their_numbers():
    text = re.sub("<[^>]*>", "", shaded(WORDS, VALUES, "love", named=2).data)
    assert text == (
        "a &lt;b&gt; bad film &amp; goodfor love: good +2.00, film +0.50; "
        "against love: bad -1.00, &amp; -0.25."
    )


def test_nothing_said_is_nothing_shaded():
    page = shaded(["a", "b"], torch.zeros(2))
    assert not depths(page) and page.data.count("no word") == 2


def test_the_texts_marks_are_no_markup():
    page = shaded(['<script>"x"'], torch.ones(1), toward='"<i>')
    assert "<script" not in page.data and "<i>" not in page.data
    assert page.data.count("<div") == page.data.count("</div>") == 1
    for word in ("script", "style=", "title"):
        assert "<" + word not in page.data
    assert 'title="' not in page.data


def test_of_a_long_text_the_strongest_words_are_shown():
    values = torch.zeros(300)
    values[[50, 200]] = torch.tensor([3.0, -2.0])
    page = shaded([f"w{i}" for i in range(300)], values, longest=30)
    text = re.sub("<[^>]*>", "", page.data.split("</p>")[0])
    shown = text.split()
    assert shown[0] == shown[-1] == "…" and shown.count("…") >= 3
    assert {"w44", "w50", "w56", "w194", "w200", "w206"} <= set(shown)
    assert sum(word != "…" for word in shown) <= 30


@given(
    st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=80),
    st.integers(1, 90),
)
def test_parts_are_apart_in_order_and_hold_the_strongest(values, longest):
    parts = strongest_parts(values, longest)
    places = [place for part in parts for place in part]
    assert places == sorted(set(places)) and 0 < len(places) <= longest
    assert max(map(abs, values)) == max(abs(values[place]) for place in places)
    assert all(a.stop < b.start for a, b in pairwise(parts))
    if len(values) <= longest:
        assert places == list(range(len(values)))


@pytest.mark.parametrize(
    "page, text, accent",
    [
        ("#ffffff", "#202020", "#176de8"),  # a light notebook
        ("#ffffff", "#323232", "#0a7d91"),  # the site, whatever its theme calls primary
        ("#14181e", "#ced6dd", "#3fb1c5"),  # the site when dark
        ("#111111", "#e0e0e0", "#176de8"),  # a dark notebook
    ],
)
def test_text_is_legible_on_the_deepest_color(page, text, accent):
    share = DEEPEST / 100
    for color in (accent, AGAINST):
        pairs = zip(to_rgb(color), to_rgb(page), strict=True)
        behind = [share * c + (1 - share) * b for c, b in pairs]
        assert contrast(text, behind) >= 4.5, color


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 words do not fit 1 attributions"):
        shaded(["a", "b"], torch.zeros(1))
    with pytest.raises(ValueError, match="0 words do not fit 0 attributions"):
        shaded([], torch.zeros(0))
    with pytest.raises(ValueError, match="longest must be above 0, got 0"):
        shaded(["a"], torch.zeros(1), longest=0)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="attributions must be finite"):
            shaded(["a"], torch.tensor([bad]))
    with pytest.raises(ValueError, match="named must be at least 0, got -1"):
        shaded(["a"], torch.zeros(1), named=-1)
