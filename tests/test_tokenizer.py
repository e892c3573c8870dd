"""The character tokenizer: nothing is lost, and what it cannot do it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.tokenizer import CharacterTokenizer


@given(st.text(min_size=1))
def test_every_text_of_the_alphabet_comes_back(text):
    tokenizer = CharacterTokenizer(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == len(set(text))
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == ""


def test_ids_follow_the_sorted_alphabet():
    assert CharacterTokenizer("banana").encode("nab") == [2, 0, 1]


def test_unknown_characters_are_named():
    with pytest.raises(ValueError, match=r"not in the vocabulary: \['!', 'z'\]"):
        CharacterTokenizer("abc").encode("abz!")


@pytest.mark.parametrize("ids", [[3], [-1], [0, 99]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match=r"must lie in 0\.\.2, got"):
        CharacterTokenizer("abc").decode(ids)


def test_empty_training_text_is_refused():
    with pytest.raises(ValueError, match="needs some text"):
        CharacterTokenizer("")
