"""Made-up words: of syllables, all different, and only as many as there are."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.instruct.tasks.made_up import made_up_word, made_up_words


@given(st.integers(), st.integers(1, 4))
def test_a_word_is_so_many_syllables(seed, syllables):
    word = made_up_word(Random(seed), syllables)
    assert re.fullmatch(rf"([b-z][aeiou]){{{syllables}}}", word)
    assert word == made_up_word(Random(seed), syllables)


@given(st.integers(), st.integers(0, 60))
def test_words_are_different(seed, size):
    assert len(set(made_up_words(Random(seed), size))) == size


@pytest.mark.parametrize("size", [-1, 36])
def test_more_words_than_syllables_give_are_refused(size):
    with pytest.raises(ValueError, match=rf"size must lie in 0\.\.35, got {size}"):
        made_up_words(Random(0), size, 1)
