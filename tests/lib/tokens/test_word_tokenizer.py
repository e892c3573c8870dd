"""Whole words: what is one, which are known, how a text is cropped and padded."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.tokens.word_tokenizer import (
    MASK,
    PADDING,
    SPECIAL,
    UNKNOWN,
    WordTokenizer,
    crop,
    pad,
)
from lib.tokens.words import words_and_marks

TEXTS = ["A film, a film! Good.", "a bad film", "so bad, so bad..."]


def test_the_commonest_word_comes_first_and_rare_ones_are_unknown():
    tokenizer = WordTokenizer.train(TEXTS, at_least=2)
    assert tokenizer.tokens == [*SPECIAL, "a", "bad", "film", ",", "so"]
    assert tokenizer.encode("A good film") == [3, UNKNOWN, 5]
    assert tokenizer.decode([3, UNKNOWN, 5, MASK, PADDING]) == (
        "a [unknown] film [mask] [padding]"
    )


@given(st.lists(st.text(alphabet="ab c", min_size=1), min_size=1), st.integers(1, 3))
def test_the_vocabulary_is_a_count(texts, at_least):
    counts = Counter(word for text in texts for word in words_and_marks(text))
    known = {word for word, n in counts.items() if n >= at_least}
    if known:
        found = WordTokenizer.train(texts, at_least)
        assert set(found.tokens) == {*SPECIAL, *known} and len(found) == len(known) + 3
        numbers = [counts[word] for word in found.tokens[3:]]
        assert numbers == sorted(numbers, reverse=True)
    else:
        with pytest.raises(ValueError, match=f"some word {at_least} times"):
            WordTokenizer.train(texts, at_least)


@pytest.mark.parametrize("text", ["", "  \n", "_"])
def test_a_text_without_a_word_is_refused(text):
    with pytest.raises(ValueError, match="text must have at least one word"):
        WordTokenizer.train(TEXTS, 1).encode(text)


def test_a_bad_vocabulary_is_refused():
    with pytest.raises(ValueError, match="repeated"):
        WordTokenizer(["a", "b", "a"])
    with pytest.raises(ValueError, match=r"\['B', 'c d', ''\], expected single words"):
        WordTokenizer(["a", "B", "c d", ""])
    with pytest.raises(ValueError, match=r"0\.\.3, got \[4, -1\]"):
        WordTokenizer(["a"]).decode([3, 4, -1])


@given(st.lists(st.integers()), st.integers(2, 9))
def test_a_crop_has_the_beginning_and_the_end(ids, longest):
    kept = crop(ids, longest)
    assert len(kept) == min(len(ids), longest)
    if len(ids) > longest:
        first = (longest + 1) // 2
        assert kept[:first] == ids[:first] and kept[first:] == ids[first - longest :]
    else:
        assert kept == ids


def test_a_crop_to_nothing_is_refused():
    with pytest.raises(ValueError, match="longest must be above 1, got 1"):
        crop([1, 2, 3], 1)


def test_texts_are_padded_to_the_longest():
    padded = pad([[5, 6, 7], [8]])
    assert padded.tolist() == [[5, 6, 7], [8, PADDING, PADDING]]
    assert padded.dtype == torch.long
    for empty in ([], [[1], []]):
        with pytest.raises(ValueError, match="texts must have a word each"):
            pad(empty)
