"""Descriptions: each tokenizer comes back from plain data, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.tokens.description import describe, from_description, is_described
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import WordTokenizer

PAIRS = BytePairTokenizer([(97, 98), (256, 99)], ["<|end|>", "<|user|>"])


def again(tokenizer):
    """What comes back after a detour through JSON."""
    return from_description(json.loads(json.dumps(describe(tokenizer))))


@given(st.text(min_size=1))
def test_any_alphabet_comes_back(text):
    found = again(CharacterTokenizer(text))
    assert type(found) is CharacterTokenizer
    assert found.tokens == CharacterTokenizer(text).tokens
    assert found.decode(found.encode(text)) == text


@given(st.lists(st.text(min_size=1), unique=True, max_size=4))
def test_byte_pairs_come_back_with_their_special_tokens(names):
    pairs = BytePairTokenizer(PAIRS.merges, names)
    found = again(pairs)
    assert type(found) is BytePairTokenizer
    assert (found.merges, found.special) == (pairs.merges, pairs.special)
    assert again(BytePairTokenizer()).tokens == BytePairTokenizer().tokens


def test_words_come_back():
    words = WordTokenizer(["the", "film", "."])
    assert type(again(words)) is WordTokenizer
    assert again(words).tokens == words.tokens


def test_what_is_no_tokenizer_of_the_book_is_not_described():
    class Own(CharacterTokenizer):
        """It may encode in another way."""

    assert is_described(PAIRS) and not is_described(Own("a")) and not is_described(None)
    with pytest.raises(ValueError, match=r"one of .*'WordTokenizer'.*, got Own"):
        describe(Own("a"))


@pytest.mark.parametrize(
    "described, message",
    [
        ({}, r"alphabet, words, or merges and special tokens, got \[\]"),
        ({"merges": "1 2"}, r"got \['merges'\]"),
        ({"merges": "97 98 99", "special": []}, "argument 2 is shorter"),
        ({"merges": "97 a", "special": []}, "invalid literal"),
        ({"merges": "97 900", "special": []}, r"merge 0 is \(97, 900\)"),
        ({"alphabet": ""}, "needs some text"),
        ({"alphabet": "ba"}, "must be sorted, each once, got 'ba'"),
        ({"alphabet": "aa"}, "must be sorted, each once, got 'aa'"),
        ({"words": ["a", "a"]}, "repeated words"),
    ],
)
def test_what_describes_none_is_refused(described, message):
    with pytest.raises(ValueError, match=message):
        from_description(described)
