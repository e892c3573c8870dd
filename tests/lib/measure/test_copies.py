"""Copies, against Python's own search in strings."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.measure import copies
from lib.measure.copies import Copies, Copy

KNOWN = ["the cat sat on the mat", "a dog sat on the mat too", "", "cat"]
words = st.text(alphabet="ab ", max_size=30)


def plainly(known, text, length):
    windows = [text[i : i + length] for i in range(len(text) - length + 1)]
    return [any(window in each for each in known) for window in windows]


@given(st.lists(words, min_size=1, max_size=4), words, st.integers(1, 9))
def test_copied_is_what_searching_finds(known, text, length):
    length = min(length, max(map(len, known)))
    if not length:
        return
    found = Copies(known, length).copied(text)
    assert found.tolist() == plainly(known, text, length)


@given(st.lists(words, min_size=1, max_size=4), words, st.integers(1, 9))
def test_spans_are_all_copies_that_cannot_be_longer(known, text, length):
    length = min(length, max(map(len, known)))
    if not length:
        return
    expected = set()
    reached = 0
    for start in range(len(text)):
        end = start
        while end < len(text) and any(text[start : end + 1] in k for k in known):
            end += 1
        if end - start >= length and end > reached:
            expected.add((start, text[start:end]))
            reached = end
    spans = Copies(known, length).spans(text)
    assert {(span.start, span.text) for span in spans} == expected
    assert len(spans) == len(expected)
    assert all(span.text in known[span.source] for span in spans)
    sizes = [len(span.text) for span in spans]
    assert sizes == sorted(sizes, reverse=True)


def test_by_hand():
    table = Copies(KNOWN, 4)
    assert table.copied("cat in").tolist() == [True, False, False]
    assert table.copied("dog sat").tolist() == [True] * 4
    assert table.copied("mat").tolist() == [] == table.copied("").tolist()
    assert table.sources(" mat") == [0, 1] and table.sources(" dog") == [1]
    assert table.sources("bird") == []
    assert table.spans("one dog sat on the mat. The cat") == [
        Copy(3, " dog sat on the mat", 1),
        Copy(25, "he cat", 0),
    ]


def test_no_stretch_reaches_from_one_text_into_the_next():
    table = Copies(["abc", "def"], 2)
    assert table.copied("abcdef").tolist() == [True, True, False, True, True]
    assert table.copied("c\0d").tolist() == [False, False]


@pytest.mark.parametrize("length", [1, 2, 7, 50, 64])
def test_equal_numbers_do_not_make_a_copy(monkeypatch, length):
    known, text = "".join(random.Random(0).choices("ab", k=400)), "ab" * 60

    def all_the_same(codes, length):
        return np.zeros(max(0, len(codes) - length + 1), dtype=np.uint64)

    monkeypatch.setattr(copies, "_hashes", all_the_same)
    found = Copies([known], length).copied(text)
    assert found.tolist() == plainly([known], text, length)


@pytest.mark.parametrize("length", [1, 2, 3, 50, 51])
def test_different_stretches_have_different_numbers(length):
    text = "".join(random.Random(1).choices("abcdefgh .", k=5_000))
    numbers = copies._hashes(copies._codes(text), length)
    windows = [text[i : i + length] for i in range(len(text) - length + 1)]
    assert len(numbers) == len(windows)
    assert len(set(numbers.tolist())) == len(set(windows))


def test_any_character_is_compared():
    table = Copies(["na\u00efve \U0001f600 \ud83d"], 3)
    assert table.copied("a\u00efv").all() and not table.copied("aiv").any()
    assert table.copied(" \U0001f600 ").all() and table.copied(" \ud83d").size == 0


@pytest.mark.parametrize(
    "texts, length, says",
    [
        ("abc", 2, "texts must be a list of at least one, got 'abc'"),
        ([], 2, "texts must be a list of at least one"),
        (["abc"], 4, r"length must lie in 1\.\.3, got 4"),
        (["abc"], 0, r"length must lie in 1\.\.3, got 0"),
        (["a\0c"], 2, "texts must not have the character 0"),
    ],
)
def test_what_cannot_be_is_refused(texts, length, says):
    with pytest.raises(ValueError, match=says):
        Copies(texts, length)


def test_a_stretch_of_another_length_is_refused():
    with pytest.raises(ValueError, match="stretch must be of 4 characters, got 3"):
        Copies(KNOWN, 4).sources("cat")
