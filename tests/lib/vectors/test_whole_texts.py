"""Thinned texts: how often a word stays, and that every text has its turn."""

import inspect
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.tokens.word_tokenizer import SPECIAL
from lib.vectors.whole_texts import ordinary, thinned_texts, word_shares

FIRST = len(SPECIAL)
TEXTS = [[FIRST + (a + b) % 8 for b in range(12 + a % 5)] for a in range(40)]
SHARES = torch.tensor([0.0] * FIRST + [0.65] + [0.05] * 7)


def test_frequent_words_are_thinned_and_special_ones_never_seen():
    texts = [[1, *text] for text in TEXTS]
    batches = thinned_texts(texts, SHARES, 8, threshold=0.1)
    seen = torch.cat([next(batches)[0].flatten() for _ in range(50)])
    counts = seen[seen >= 0].bincount(minlength=11)
    assert not counts[:FIRST].any()
    stays = (0.1 / 0.65) ** 0.5  # of the first word; the others always stay
    assert counts[FIRST] / counts[FIRST + 1 :].float().mean() == pytest.approx(
        stays, rel=0.15
    )


def test_each_text_comes_once_in_a_round_whole_and_in_order():
    texts = [[FIRST + n, FIRST + n + 1, FIRST + n] for n in range(7)]
    flat = torch.full((11,), 1 / 11)
    rows = [
        r.tolist()
        for b, _ in islice(thinned_texts(texts, flat, 3, threshold=1.0), 3)
        for r in b
    ]
    assert sorted(rows) == texts


@given(part=st.integers(1, 9), batch=st.integers(1, 9))
def test_parts_are_no_longer_than_asked(part, batch):
    words, _ = next(
        thinned_texts(TEXTS, SHARES, batch, part=max(2, part), threshold=9.0)
    )
    assert words.size(1) <= max(2, part)
    assert ((words >= FIRST) | (words == -1)).all()


def test_negatives_are_words_drawn_by_their_share_to_the_power_three_quarters():
    batches = thinned_texts(TEXTS, SHARES, 8, shared=500)
    drawn = torch.cat([next(batches)[1] for _ in range(40)]).bincount(minlength=11)
    assert not drawn[:FIRST].any()
    expected = (0.65 / 0.05) ** 0.75
    assert drawn[FIRST] / drawn[FIRST + 1 :].float().mean() == pytest.approx(
        expected, rel=0.1
    )


def test_the_same_seed_gives_the_same_batches():
    one, two, other = (
        next(thinned_texts(TEXTS, SHARES, 8, seed=seed)) for seed in (1, 1, 2)
    )
    assert all(a.equal(b) for a, b in zip(one, two, strict=True))
    assert one[0].shape != other[0].shape or not one[0].equal(other[0])


def test_shares_count_all_words_and_ordinary_ones_leave_the_special_out():
    shares = word_shares([[0, 3], [4, 4]], 6)
    assert shares.tolist() == [0.25, 0.0, 0.0, 0.25, 0.5, 0.0]
    assert ordinary(shares).tolist() == pytest.approx([0, 0, 0, 1 / 3, 2 / 3, 0])


@pytest.mark.parametrize(
    "texts, says",
    [
        ([], "texts must have words, got none"),
        ([[]], "texts must have words, got none"),
        ([[3, 6]], r"texts must lie in 0\.\.5, got 3\.\.6"),
        ([[3], [-1]], r"texts must lie in 0\.\.5, got -1\.\.3"),
        ([[1.5]], "texts must be a tensor of integers"),
    ],
)
def test_shares_need_words_of_the_vocabulary(texts, says):
    with pytest.raises(ValueError, match=says):
        inspect.unwrap(word_shares)(texts, 6)


def test_texts_of_which_nothing_is_ever_left_are_refused():
    batches = thinned_texts([[FIRST, FIRST + 1]], SHARES, 1, threshold=1e-30)
    with pytest.raises(ValueError, match="no two words of a text are ever left"):
        next(batches)


@pytest.mark.parametrize("size", ["part", "shared"])
def test_sizes_that_cannot_be_are_refused_before_the_first_batch(size):
    with pytest.raises(ValueError, match=f"{size} must be a whole number above 0"):
        thinned_texts(TEXTS, SHARES, 8, **{size: 0})


@pytest.mark.parametrize("texts", [[], [[3]], [[0, 1, 2, 3]]])
def test_texts_without_two_words_are_refused(texts):
    with pytest.raises(ValueError, match="2 words or more"):
        next(thinned_texts(texts, SHARES, 4))
