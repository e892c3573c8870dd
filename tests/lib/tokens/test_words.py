"""Words: what counts as one, for each purpose."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from lib.tokens.words import letter_words, spoken_words, words_and_marks


def test_words_numbers_and_marks():
    text = "It's NOT Kazan’s best: 8/10, or 7.5...  Él dijo ¡no!! --2,000 x_y"
    assert words_and_marks(text) == [
        *["it's", "not", "kazan's", "best", ":", "8/10", ",", "or", "7.5", "..."],
        *["él", "dijo", "¡", "no", "!!", "--", "2", ",", "000", "x", "y"],
    ]


@given(st.text(alphabet="ab 'é1/.!\n-A"))
def test_nothing_but_space_is_lost_and_every_word_stays_one(text):
    assert "".join(words_and_marks(text)) == "".join(text.lower().split())
    assert all(words_and_marks(word) == [word] for word in words_and_marks(text))


def test_plain_words_are_scikit_learns():
    """Its pattern knows no apostrophes and no marks: texts without them agree."""
    text = "Nine 9 films of the 1940s were seen by Élodie and me in 35 mm"
    plain = CountVectorizer(token_pattern=r"(?u)\d+|[^\W\d]+").build_analyzer()
    assert words_and_marks(text) == plain(text)


def test_letters_and_apostrophes():
    assert (
        letter_words("MACBETH:\nIs't far? To-morrow")
        == "macbeth is't far to morrow".split()
    )


def test_words_without_the_names_of_speakers():
    text = "\nKING LEAR:\nNever, never; I'll weep no more. O 'tis FOUL!\n"
    expected = "never never i'll weep no more o tis foul".split()
    assert spoken_words(text) == expected


@pytest.mark.parametrize("find", [words_and_marks, letter_words, spoken_words])
@pytest.mark.parametrize("text", [None, 3, b"bytes", ["a", "list"]])
def test_what_is_no_string_is_refused(find, text):
    with pytest.raises(ValueError, match="text must be a string, got"):
        inspect.unwrap(find)(text)
