"""Sentiment: labels of the corpus, and no sentence in two parts."""

import pytest

from lib.data import corpora
from lib.instruct.tasks.sentiment import naive_bayes, sentences, sentiment
from lib.instruct.tasks.task import TRAINING, VALIDATION, Example, part_of


def test_answers_are_the_labels_of_the_corpus():
    labels = {
        each.text.strip(): each.positive
        for each in corpora.reviews()
        if each.source == "rotten_tomatoes"
    }
    for example in sentiment().sample(VALIDATION, 100):
        text = example.prompt.split("? ", 1)[1]
        assert example.answer == ("positive" if labels[text] else "negative")
        assert example.combination == text


def test_parts_are_large_and_even():
    assert len(sentences()) > 8_000
    for part in (TRAINING, VALIDATION):
        labels = [e.positive for e in sentences() if part_of(e.text.strip()) == part]
        assert len(labels) > 700 and abs(sum(labels) / len(labels) - 0.5) < 0.05


def example(text, answer):
    return Example("sentiment", (f"Positive or negative? {text}",), answer, text)


def test_naive_bayes_counts_words():
    known = [example("a dull film", "negative"), example("a fresh film", "positive")]
    answer = naive_bayes(known * 4)
    assert answer("Positive or negative? fresh , fresh") == "positive"
    assert answer("Positive or negative? dull") == "negative"


def test_naive_bayes_needs_both_answers():
    with pytest.raises(ValueError, match=r"labels must have at least 2|class"):
        naive_bayes([example("a dull film", "negative")] * 2)
