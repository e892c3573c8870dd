"""Spelling and counting: letter by letter, of words that were never spelled."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.spelling import counting, spelling, words
from lib.instruct.tasks.task import TRAINING, VALIDATION

seeds = st.integers(0, 10_000)


@settings(max_examples=30)
@given(seeds, st.sampled_from(spelling().variants))
def test_a_spelled_word_is_its_letters(seed, variant):
    example = next(spelling().examples(VALIDATION, seed, variant))
    word = example.answer.replace(" ", "")
    assert word in re.findall(r"\w+", example.prompt)
    assert example.answer.split(" ") == list(word)


@settings(max_examples=30)
@given(seeds, st.sampled_from(counting().variants))
def test_a_letter_is_counted(seed, variant):
    example = next(counting().examples(VALIDATION, seed, variant))
    letter, word = re.search(r"\b(\w)\b.* in (\w+)", example.prompt).groups()
    assert example.answer == str(word.count(letter))
    assert example.combination == f"the letters of {word}"


def test_none_one_and_two_come_alike():
    answers = [each.answer for each in counting().sample(TRAINING, 600)]
    for wanted in "012":
        assert 150 < answers.count(wanted) < 250


def test_words_are_many_and_short():
    assert len(words()) > 2_000 and len(set(words())) == len(words())
    assert all(re.fullmatch("[a-z]{4,8}", word) for word in words())


def test_a_word_that_is_measured_is_neither_spelled_nor_counted_in_training():
    trained = {each.combination for each in spelling().sample(TRAINING, 500)}
    trained |= {each.combination for each in counting().sample(TRAINING, 500)}
    for task in (spelling(), counting()):
        assert not trained & {e.combination for e in task.sample(VALIDATION, 100)}
