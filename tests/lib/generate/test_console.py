"""The console: what is printed, by which seed, and what an interrupt ends."""

import io
import os
import signal
from dataclasses import replace

import pytest
import torch

from lib.generate import console
from lib.generate.console import Answers, answer_lines, score_line
from lib.generate.loop import GREEDY
from lib.generate.sampling import Sampling
from lib.generate.text import Scored, stream_scored, stream_text
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from tests.helpers.models import TINY

pytestmark = pytest.mark.usefixtures("stop_button")

LETTERS = CharacterTokenizer("abcdefghijk")


@pytest.fixture
def answers():
    torch.manual_seed(0)
    model = GPT(replace(TINY, init_std=0.3))
    return Answers(model, LETTERS, Sampling(), max_new_tokens=8)


def text(answers, prompt, seed):
    return prompt + "".join(stream_text(answers.model, LETTERS, prompt, 8, seed=seed))


def lines(monkeypatch, given):
    monkeypatch.setattr("sys.stdin", io.StringIO(given))


def test_a_text_begins_with_its_prompt_and_ends_its_line(answers, capsys):
    answers.give("abc")
    assert capsys.readouterr().out == text(answers, "abc", 0) + "\n"


def test_each_text_has_a_seed_of_its_own(answers, capsys):
    answers.samples, answers.seed = 2, 5
    answers.give("abc")
    first, second = (text(answers, "abc", seed) for seed in (5, 6))
    assert first != second
    told = f"=== seed 5\n{first}\n=== seed 6\n{second}\n"
    assert capsys.readouterr().out == told and answers.seed == 7


def test_scores_are_lines_of_tokens(answers, capsys):
    answers.scores, answers.strategy = True, GREEDY
    answers.give("abc")
    told = capsys.readouterr().out.splitlines()
    tokens = list(stream_scored(answers.model, LETTERS, "abc", 8, GREEDY))
    assert told == [score_line(LETTERS, token).rstrip("\n") for token in tokens]
    assert len(told) == 8


def test_a_token_is_shown_as_python_writes_it():
    pairs = BytePairTokenizer([(0xE4, 0xBD), (256, 0xA0)], ["<|endoftext|>"])
    shown = {
        10: r"'\n'",
        32: "' '",
        256: r"b'\xe4\xbd'",
        257: "'\u4f60'",
        258: "'<|endoftext|>'",
    }
    for id, piece in shown.items():
        assert score_line(pairs, Scored(id, 0.12345)) == f"  12.35%  {piece}\n"
    assert score_line(LETTERS, Scored(0, 1.0)) == " 100.00%  'a'\n"


def test_each_line_is_answered(answers, capsys, monkeypatch):
    """And what cannot be is said, and takes no seed."""
    lines(monkeypatch, "abc\n\nabX\nabc")
    answer_lines(answers)
    out, err = capsys.readouterr()
    first, second = (text(answers, "abc", seed) for seed in (0, 1))
    assert out == f"{first}\n{second}\n" and first != second
    assert err.splitlines() == [
        "prompt must have at least one token, got ''",
        "characters that are not in the vocabulary: ['X']",
    ]


def test_an_interrupt_ends_the_text_and_not_the_program(answers, capsys, monkeypatch):
    """The samples that were to follow, too; the next line is answered."""
    answers.samples, answers.max_new_tokens = 3, 50
    pieces = console.stream_text
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*asked, **options):
        for number, piece in enumerate(pieces(*asked, **options)):
            if number == 4 and options["seed"] == 0:
                os.kill(os.getpid(), signal.SIGINT)
            yield piece

    monkeypatch.setattr(console, "stream_text", interrupted)
    lines(monkeypatch, "abc\nb\n")
    answer_lines(answers)
    told = capsys.readouterr().out.split("=== seed ")
    assert told[0] == "" and [part[0] for part in told[1:]] == ["0", "1", "2", "3"]
    assert [len(part) for part in told[1:]] == [2 + 3 + 5 + 1, *[2 + 1 + 50 + 1] * 3]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_breaks_the_text_off(answers, capsys, monkeypatch):
    def slow(*asked, **options):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        yield "never"

    monkeypatch.setattr(console, "stream_text", slow)
    answers.give("abc")
    assert capsys.readouterr().out == "abc\n"


def test_an_interrupt_while_a_line_is_read_ends_the_program(answers, monkeypatch):
    class Waiting(io.StringIO):
        def readline(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Waiting())
    answer_lines(answers)
