"""Panels: what they show when a control moves, and what they say without a text."""

from lib.widgets import live


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
