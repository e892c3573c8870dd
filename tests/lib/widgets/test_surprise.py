"""Tokens shaded by surprise: what is shown is what was given, for every reader."""

import re

import pytest
import torch

from lib.widgets.surprise import COLOR, DEEPEST, shaded_tokens

TOKENS = ["T", "h", "<", " ", "\n", "&"]
VALUES = torch.tensor([4.0, 2.0, 1.0, 0.0, 0.5, 3.0])


def spans(page):
    """Each token's percent of color and whether a line is under it, in order."""
    found = re.findall(r'(\d+)%,transparent\)([^"]*)">([^<]*)</span>', page.data)
    return [(text, int(depth), bool(line)) for depth, line, text in found]


def test_the_dearer_the_deeper_and_a_line_from_half_on():
    assert spans(shaded_tokens(TOKENS, VALUES)) == [
        ("T", DEEPEST, True),
        ("h", round(DEEPEST / 2), True),
        ("&lt;", round(DEEPEST / 4), False),
        (" ", 0, False),
        ("↵", round(DEEPEST / 8), False),
        ("&amp;", round(DEEPEST * 3 / 4), True),
    ]


def test_the_text_stands_as_it_was_and_the_dearest_are_named():
    page = shaded_tokens(TOKENS, VALUES, named=2)
    text = re.sub("<[^>]*>", "", page.data.replace("<br>", "\n"))
    assert text == (
        "Th&lt; ↵\n&amp;The most surprising, in nats: T 4.0; Th&lt;·↵&amp; 3.0."
    )
    assert "none named" in shaded_tokens(TOKENS, VALUES, named=0).data


def test_the_unit_is_the_callers_and_marks_are_no_markup():
    page = shaded_tokens(["<script>"], torch.ones(1), unit="<b>").data
    assert "<script" not in page and "&lt;b&gt;: " in page
    assert page.count("<div") == page.count("</div>") == 1


def test_nothing_surprising_is_nothing_shaded():
    page = shaded_tokens(["a", "b"], torch.zeros(2))
    assert [depth for _, depth, _ in spans(page)] == [0, 0]


def test_the_color_is_the_books():
    assert "--pst-color-primary" in COLOR


@pytest.mark.parametrize(
    "tokens, values, named, message",
    [
        ([], torch.zeros(0), 1, "0 tokens do not fit 0"),
        (["a"], torch.zeros(2), 1, "1 tokens do not fit 2"),
        (["a"], torch.tensor([float("nan")]), 1, "finite"),
        (["a"], torch.tensor([-1.0]), 1, "0 or more"),
        (["a"], torch.zeros(1), -1, "named must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_shaded_is_named(tokens, values, named, message):
    with pytest.raises(ValueError, match=message):
        shaded_tokens(tokens, values, named)
