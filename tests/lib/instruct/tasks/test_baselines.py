"""Baselines of any task: the commonest answer, and that of the nearest example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.instruct.tasks.baselines import (
    EVERY,
    jaccard,
    most_common,
    nearest_neighbor,
    shuffled,
)
from lib.instruct.tasks.task import Example

KNOWN = [
    Example("t", ("Where is the cat?",), "hall", "a"),
    Example("t", ("Who has the old lamp?",), "Emma", "b"),
    Example("t", ("Who has the lamp?",), "Tom", "c"),
    Example("t", ("What is it?",), "Tom", "d"),
]


def test_the_commonest_answer_whatever_is_asked():
    assert most_common(KNOWN)("Where is the cat?") == "Tom"
    assert most_common(KNOWN[:1])("") == "hall"


def test_the_nearest_example_has_most_words_in_common():
    answer = nearest_neighbor(KNOWN)
    assert [answer(each.prompt) for each in KNOWN] == [each.answer for each in KNOWN]
    assert answer("where is a cat") == "hall"
    assert answer("Who has that old, old lamp?") == "Emma"
    assert answer("nothing alike") == "hall"  # of equals the first


def test_a_shuffled_answer_is_one_of_the_others_and_always_the_same():
    answer = shuffled(KNOWN)
    prompts = [f"question {number}" for number in range(40)]
    given = [answer(prompt) for prompt in prompts]
    assert set(given) == {each.answer for each in KNOWN}
    assert given == [shuffled(KNOWN)(prompt) for prompt in prompts]
    with pytest.raises(ValueError, match="examples must hold at least one, got none"):
        shuffled([])


words = st.frozensets(st.sampled_from("abcdef"))


@given(words, words)
def test_jaccard_by_the_definition(some, others):
    both = len(some | others)
    assert jaccard(some, others) == (len(some & others) / both if both else 0)


@pytest.mark.parametrize("name", EVERY)
def test_without_an_example_there_is_no_baseline(name):
    with pytest.raises(ValueError, match="examples must hold at least one, got none"):
        EVERY[name]([])
