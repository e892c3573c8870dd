"""Panels: what they show when a control moves, and what they say of a bad text."""

import pytest

from lib.model.attention_only import AttentionOnly
from lib.tokens.tokenizer import CharacterTokenizer
from lib.widgets import live


@pytest.fixture
def panel(monkeypatch):
    """A live panel whose pictures and messages are collected, not shown."""
    shown = []
    monkeypatch.setattr(live.plt, "show", lambda: shown.append("picture"))
    monkeypatch.setattr(live, "display", lambda message: shown.append(message.data))
    model = AttentionOnly(4, width=8, heads=2, layers=3)
    return live.live_attention(model, CharacterTokenizer("abc "), "abc"), shown


def test_the_live_panel_draws_when_a_control_moves(panel):
    box, shown = panel
    text, layer, head, _ = box.children
    assert (layer.max, head.max) == (2, 1)
    shown.clear()
    text.value = "cab a"
    layer.value, head.value = 2, 1
    assert shown == ["picture"] * 3
    live.plt.close("all")


def test_the_live_panel_says_what_it_cannot_read(panel):
    box, shown = panel
    shown.clear()
    box.children[0].value = "abz"
    assert shown == [
        "This model cannot read that text: characters that are not in the "
        "vocabulary: ['z']."
    ]


def test_the_live_panel_waits_for_a_text(panel):
    box, shown = panel
    shown.clear()
    box.children[0].value = ""
    assert shown == ["There is nothing to look at yet."]


def test_the_live_merges_are_those_of_the_text(capsys):
    box = live.live_merges("never, never!")
    text, merges, _ = box.children
    capsys.readouterr()
    merges.value = 2
    expected = "2 merges, 9 tokens:\nn | ev | er | , | · | n | ev | er | !\n"
    assert capsys.readouterr().out.endswith(expected)
    text.value = "aaa"
    assert capsys.readouterr().out.endswith("2 merges, 1 tokens:\naaa\n")


def test_the_live_merges_need_a_text(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", lambda message: shown.append(message.data))
    live.live_merges("a").children[0].value = ""
    assert shown == ["There is nothing to learn from yet."]
