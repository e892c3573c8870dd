"""Order: the word at the place that is asked for, before or after the words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.order import ORDINALS, WORDS, first_listed, order
from lib.instruct.tasks.task import VALIDATION


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["first", "last"]),
    st.sampled_from(order().variants),
)
def test_the_answer_stands_where_it_is_asked_for(seed, asked, variant):
    example = next(order(asked).examples(VALIDATION, seed, variant))
    (listed,) = re.findall(r"\w+, \w+, \w+, \w+(?=\.)", example.prompt)
    question = example.prompt.replace(f"Words: {listed}.", "").strip()
    (ordinal,) = [each for each in ORDINALS if each in question]
    assert listed.split(", ")[ORDINALS.index(ordinal)] == example.answer
    ends = (example.prompt.startswith, example.prompt.endswith)[asked == "last"]
    assert ends(question)


def test_a_word_is_the_same_token_at_every_place():
    """None stands at the beginning, where it would have no space before it."""
    for asked in ("first", "last"):
        example = next(order(asked).examples(VALIDATION))
        assert not example.prompt.startswith(WORDS)
        assert f" {example.answer}" in example.prompt


def test_every_place_is_asked_for():
    places = {
        example.combination.split(", ").index(example.answer)
        for example in order().sample(VALIDATION, 100)
    }
    assert places == set(range(len(ORDINALS))) and len(set(WORDS)) == 40


def test_the_first_of_the_words():
    assert first_listed([])("Which is third? cloud, bread, stone, river.") == "cloud"
    assert first_listed([])("none") == ""


def test_another_order_is_refused():
    with pytest.raises(ValueError, match=r"asked must be one of .*, got 'between'"):
        order("between")
