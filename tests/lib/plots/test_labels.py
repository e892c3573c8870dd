"""Labels: whatever a token or a name is made of, every picture shows it as it is."""

import html
import io
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from lib import plots
from lib.plots import classification
from lib.plots.labels import plain, plain_line, plain_token

ODD = [
    r"$x^2_i$",  # a formula, if it were one
    "$5 and $6",
    r"$\broken{$",
    r"\$",
    "a_b^c",
    r"\alpha",
    "100 % #1 {} ~",
    "$",
]
TWO = {name: [1.0, 2.0] for name in ODD}


def shown(picture):
    """Every text of a picture as it is drawn, formulas and their marks included."""
    figure = getattr(picture, "figure", picture)
    figure.canvas.draw()
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg")
    found = re.findall(r"<text\b[^>]*>(.*?)</text>", file.getvalue(), re.DOTALL)
    return [html.unescape(text) for text in found]


def curve_ends():
    return {name: ([1, 2], [3.0, 1.0 + n]) for n, name in enumerate(ODD)}


def by_labels():
    return {name: {10: [0.5], 20: [0.6 + n / 99]} for n, name in enumerate(ODD)}


PICTURES = {
    "attention_map": lambda: plots.attention_map(torch.eye(8), ODD, ODD[0]),
    "head_grid": lambda: plots.head_grid(torch.rand(8, 8, 8), ODD[0], 2, ODD, ODD),
    "mask_row": lambda: plots.mask_row(
        {name: torch.ones(2, 2) for name in ODD}, ODD[0]
    ),
    "bars": lambda: plots.bars(TWO, ODD[0], ODD[1]),
    "loss_curve": lambda: plots.loss_curve(
        [1.0, 2.0],
        ODD[0],
        baselines=dict.fromkeys(ODD[:4], 1.0),
        floors=dict.fromkeys(ODD[4:], 2.0),
        per=ODD[1],
    ),
    "compare_curves": lambda: plots.compare_curves(curve_ends(), ODD[0], {"$a$": 1.0}),
    "word_map": lambda: plots.word_map(torch.arange(16.0).view(8, 2), ODD, ODD, ODD[0]),
    "by_examples": lambda: plots.by_examples(
        [[0.1, 0.9]], [0.2, 1.0], ODD[0], "\n".join(ODD)
    ),
    "accuracy_curves": lambda: plots.accuracy_curves(
        {name: [(1, 0.5)] for name in ODD}, ODD[0]
    ),
    "dots": lambda: plots.dots(
        {ODD[0]: {name: [1.0] for name in ODD}}, {}, ODD[0], ODD[1]
    ),
    "accuracy_by_labels": lambda: classification.accuracy_by_labels(
        by_labels(), ODD[0], ylabel=ODD[1]
    ),
}


def test_every_picture_is_tried():
    public = {name for name in plots.__all__ if name.islower()}
    public |= {
        name
        for name, thing in vars(classification).items()
        if getattr(thing, "__module__", "") == classification.__name__
        and not name.startswith("_")
    }
    assert public - {"plain", "visible", "smooth", "use_style"} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_what_a_caller_named_is_drawn_as_it_is(name):
    found = shown(PICTURES[name]())
    assert ODD[0] in found  # the title
    for text in ODD:
        drawn = text.replace(" ", "·") if name == "attention_map" else text
        assert [line for line in found if line.startswith(drawn)], text


@settings(max_examples=25)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"])))
def test_any_text_is_drawn_letter_by_letter(text):
    figure = plt.figure()
    figure.text(0, 0, "|" + plain(text) + "|")
    assert shown(figure) == [f"|{text}|"]
    plt.close(figure)


def test_tokens_and_lines_show_their_breaks():
    assert plain_token(" a\n$") == "·a↵\\$"
    assert plain_line("New York\n$5") == "New York↵\\$5"
    assert plain("two\nlines") == "two\nlines"


@pytest.mark.parametrize(
    "character, escape",
    [("\t", r"\t"), ("\x00", r"\x00"), ("\udce4", r"\udce4"), ("\u2028", r"\u2028")],
)
def test_what_no_font_shows_becomes_its_escape(character, escape):
    assert plain(f"a{character}b") == f"a{escape}b"
    shown(plots.attention_map(torch.eye(2), [character, "b"]))
    assert plain("12\u00a0s") == "12\u00a0s"


def test_a_word_with_a_break_stays_on_one_line():
    found = shown(plots.word_map(torch.eye(2), ["a\nb", "c d"], ["x", "x"]))
    assert {"a↵b", "c d"} <= set(found)


@pytest.mark.parametrize(
    "picture, message",
    [
        (lambda: plots.attention_map(torch.ones(0, 0), []), "0 tokens do not fit"),
        (lambda: plots.head_grid(torch.ones(0, 3, 3)), "got 0 heads and columns=4"),
        (lambda: plots.head_grid(torch.ones(1, 3, 3), columns=0), "1 heads and .*=0"),
        (lambda: plots.mask_row({}), "at least one mask"),
        (lambda: plots.bars({}), "at least one name"),
        (lambda: plots.bars({"a": []}), "at least one"),
        (lambda: plots.compare_curves({}), "at least one curve"),
        (lambda: plots.compare_curves({"a": ([1], [torch.nan])}), "'a' has none"),
        (lambda: plots.compare_curves({"a": ([], [])}), "'a' has none"),
        (lambda: plots.smooth([1.0], span=0), "span must be above 0, got 0"),
        (lambda: plots.word_map(torch.ones(0, 2), [], []), "0 words do not fit 0"),
        (lambda: classification.accuracy_by_labels({}), "got {}"),
        (lambda: classification.accuracy_by_labels({"a": {}}), "got {'a': {}}"),
    ],
)
def test_what_cannot_be_drawn_is_named(picture, message):
    with pytest.raises(ValueError, match=message):
        picture()


def test_what_is_unusual_can_be_drawn():
    shown(plots.mask_row({"one": torch.ones(3, 3).bool()}))
    shown(plots.compare_curves({"diverged": ([1, 2, 3], [3.0, 2.0, torch.nan])}))
    shown(plots.attention_map(torch.eye(2, dtype=torch.bfloat16), ["a", "b"]))
