"""Minimal pairs: they come in pairs, are minimal, and are counted."""

import inspect

import pytest

from lib.measure.minimal_pairs import PAIRS, SENTENCES, by_phenomenon
from lib.tokens.words import words_and_marks


def test_there_are_as_many_as_the_chapter_says():
    counts = {name: len(pairs) for name, pairs in PAIRS.items()}
    assert sum(counts.values()) == 24 and min(counts.values()) >= 4
    assert len(SENTENCES) == 48 and len({each.text for each in SENTENCES}) == 48
    assert sum(each.positive for each in SENTENCES) == 24


def test_a_pair_differs_in_few_words():
    for pairs in PAIRS.values():
        for favor, against in pairs:
            kept, other = set(words_and_marks(favor)), set(words_and_marks(against))
            assert favor != against
            assert len(kept & other) >= 0.4 * min(len(kept), len(other)), favor


def test_right_answers_are_counted_by_phenomenon():
    truth = [each.positive for each in SENTENCES]
    assert {s.accuracy for s in by_phenomenon(truth).values()} == {1.0}
    assert {s.accuracy for s in by_phenomenon([True] * 48).values()} == {0.5}
    wrong = [each.positive != (each.phenomenon == "irony") for each in SENTENCES]
    found = by_phenomenon(wrong)
    assert found.pop("irony").accuracy == 0.0
    assert {(s.accuracy, s.size) for s in found.values()} == {(1.0, 10), (1.0, 8)}


def test_each_sentence_needs_an_answer():
    with pytest.raises(ValueError, match="48 sentences need as many answers, got 2"):
        by_phenomenon([True, False])
    with pytest.raises(ValueError, match=r"true or false for each, got \[0.3\]"):
        inspect.unwrap(by_phenomenon)([True] * 47 + [0.3])
