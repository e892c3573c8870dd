"""A typed conversation: what is printed, and how it ends."""

import builtins

import pytest

from lib.instruct.chat import Chat
from lib.instruct.console import talk
from tests.helpers.scripted import PAIRS, Scripted


@pytest.fixture
def typed(monkeypatch):
    """Types these lines; an error among them is raised."""

    def types(*lines):
        left = list(lines)

        def give(_):
            line = left.pop(0)
            if isinstance(line, BaseException):
                raise line
            return line

        monkeypatch.setattr(builtins, "input", give)

    return types


def test_lines_are_answered_until_an_empty_one(typed, capsys):
    typed("Good?", "Stars? ", "")
    chat = talk(Chat(Scripted(["Yes.", "3 of 5."]), PAIRS))
    assert capsys.readouterr().out.splitlines()[1:] == ["model: Yes.", "model: 3 of 5."]
    assert [turn.text for turn in chat.turns] == ["Good?", "Yes.", "Stars?", "3 of 5."]


@pytest.mark.parametrize("ending", [EOFError(), KeyboardInterrupt()])
def test_it_ends_with_the_input(typed, ending, capsys):
    typed("Good?", ending)
    assert len(talk(Chat(Scripted(["Yes."]), PAIRS)).turns) == 2
    assert capsys.readouterr().out.endswith("Yes.\n")


def test_what_is_cut_off_and_what_does_not_fit_is_said(typed, capsys):
    typed("Good?", "z" * 30, "never asked")
    talk(Chat(Scripted(["zzzz"], context=30), PAIRS, max_new_tokens=2))
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "model: zz ..."
    assert said[2].startswith("a conversation must fit the context of 30 tokens")
    assert len(said) == 3
