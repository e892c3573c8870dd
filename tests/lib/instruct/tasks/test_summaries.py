"""Summaries: graded by overlap, cut at sentences, no name in two parts."""

from collections import Counter
from importlib import import_module

import pytest

from lib.data.docstrings import Docstring
from lib.hub.pretrained import load_gpt
from lib.instruct.evaluate import evaluate
from lib.instruct.tasks.summaries import (
    ASK,
    combination,
    described,
    lead_one,
    leading,
    name_in_words,
    summaries,
    words_of,
)
from lib.instruct.tasks.task import NEW_WORDING, TEST, TRAINING, VALIDATION, part_of
from lib.instruct.template import Template, Turn

module = import_module("lib.instruct.tasks.summaries")  # not the function
KNOWN = [
    Docstring(f"count_{word}", f"It counts {word}. It is slow.", f"Count {word}.", "p")
    for word in "ants bees cats dogs eels fish gnus hens ibex jays kids lice".split()
]


@pytest.fixture
def few(monkeypatch):
    """A dozen docstrings, so that no wheel is read."""
    monkeypatch.setattr(module, "described", lambda: KNOWN)
    return summaries()


def test_a_question_has_name_and_description_and_the_summary_for_an_answer(few):
    for example in few.sample(TRAINING, 5):
        word = example.answer.split()[1].rstrip(".")
        assert example.prompt.endswith(f"It counts {word}. It is slow.")
        assert f"count_{word}" in example.prompt
        assert example.combination == f"the name count {word}"


def test_both_wordings_are_learned(few):
    every = few.sample(TRAINING, 100, fewer=True)
    assert {each.prompt[0] for each in every} == {"S", "I"}


@pytest.mark.parametrize("variant", ["usual", NEW_WORDING])
def test_baselines_read_the_question(few, variant):
    for example in few.sample(VALIDATION, 1, variant=variant):
        word = example.answer.split()[1].rstrip(".")
        assert lead_one([])(example.prompt) == f"It counts {word}."
        assert name_in_words([])(example.prompt) == f"count {word}"


def test_replies_are_graded_and_not_right_or_wrong(few):
    scores = evaluate({"half": lambda prompt: "count all"}, [few], 1, baselines=5)
    found = {score.model: score for score in scores}
    assert found["half"].metric == "ROUGE-L" and found["half"].result.accuracy == 0.5
    assert found["name in words"].result.accuracy == 1
    assert {"lead-1", "shuffled answers", "nearest neighbor"} <= set(found)


def test_a_text_is_cut_where_a_sentence_ends():
    text = "It is one. It is two. It is three."
    assert leading(text, 21) == leading(text, 25) == "It is one. It is two."
    assert leading(text, 9) == ""
    assert leading(text, 99) == text


def test_a_name_is_divided_into_words():
    assert words_of("_from_HTTPResponse2D") == ["from", "HTTP", "Response", "2", "D"]
    assert combination("Conv2D") == combination("conv_3_d") == "the name conv d"


@pytest.mark.processes
def test_nothing_measured_was_trained():
    every = described()
    parts = {}
    for each in every:
        parts.setdefault(part_of(combination(each.name)), []).append(each)
    for field in ("name", "description", "summary"):
        owners = Counter()
        for part in parts.values():
            owners.update({getattr(each, field).lower() for each in part})
        assert set(owners.values()) == {1}, field
    assert {part: len(each) for part, each in parts.items()} == {
        TRAINING: 2_386,
        VALIDATION: 292,
        TEST: 312,
    }


@pytest.mark.processes
def test_an_example_has_at_most_250_tokens_of_the_review_gpt():
    template = Template(load_gpt("review_gpt").tokenizer)
    longest = max(ASK.trained + ASK.new, key=len)
    lengths = []
    for each in described():
        asked = f"{longest.format(name=each.name)} {each.description}"
        turns = [Turn("user", asked), Turn("assistant", each.summary)]
        lengths.append(len(template.encode(turns)))
    assert 200 < max(lengths) <= 250
