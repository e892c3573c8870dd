"""Counting baselines, by hand and by PyTorch's cross-entropy."""

import math

import pytest
import torch
from torch.nn.functional import nll_loss

from lib.measure.ngram import (
    NGram,
    bigram,
    bigram_loss,
    ngram_loss,
    unigram,
    unigram_loss,
)

ids = torch.tensor([0, 1, 0, 1, 0, 2])


def test_unigram_by_hand():
    torch.testing.assert_close(unigram(ids, 4), torch.tensor([4, 3, 2, 1.0]) / 10)


def test_bigram_by_hand():
    expected = torch.tensor([[1 / 6, 3 / 6, 2 / 6], [3 / 5, 1 / 5, 1 / 5], [1 / 3] * 3])
    torch.testing.assert_close(bigram(ids, 3), expected)


def test_losses_equal_torchs():
    text = torch.randint(5, (300,), generator=torch.Generator().manual_seed(0))
    one, two, rest = unigram(text[:200], 5), bigram(text[:200], 5), text[200:]
    expected = nll_loss(one.log().expand(100, 5), rest).item()
    assert unigram_loss(one, rest) == pytest.approx(expected, abs=1e-5)
    expected = nll_loss(two.log()[rest[:-1]], rest[1:]).item()
    assert bigram_loss(two, rest) == pytest.approx(expected, abs=1e-5)


def test_an_even_guess_costs_the_logarithm_of_the_vocabulary():
    assert unigram_loss(torch.full((8,), 1 / 8), ids) == pytest.approx(math.log(8))


def test_an_ngram_of_order_two_is_the_bigram():
    text = torch.randint(5, (300,), generator=torch.Generator().manual_seed(1))
    expected = bigram_loss(bigram(text[:200], 5), text[200:])
    assert ngram_loss(text[:200], text[200:], 5, order=2) == pytest.approx(expected)


def test_an_ngram_by_hand():
    ids, held_out = torch.tensor([0, 1, 0, 1, 2]), torch.tensor([0, 1, 2, 2])
    # "0 1" came twice with something after it, once a 2; "1 2" never had a successor
    expected = -(math.log((1 + 1) / (2 + 3)) + math.log((0 + 1) / (0 + 3))) / 2
    assert ngram_loss(ids, held_out, 3, order=3) == pytest.approx(expected)


def test_an_order_below_two_is_refused():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        ngram_loss(ids, ids, 3, order=1)


def test_the_longest_ending_that_was_seen_decides():
    text = torch.tensor([0, 1, 2, 0, 1, 0, 0, 1, 2])
    table = NGram(text, vocab=4, order=3)
    after_0_1 = table(torch.tensor([[3, 0, 1]])).exp()
    assert after_0_1.shape == (1, 1, 4)
    torch.testing.assert_close(after_0_1[0, 0], torch.tensor([1 / 3, 0, 2 / 3, 0]))
    after_3_1 = table(torch.tensor([[3, 1]])).exp()  # never seen: what follows 1
    torch.testing.assert_close(after_3_1, after_0_1)
    after_3 = table(torch.tensor([[3], [2]])).exp()  # 3 was never seen: frequency
    torch.testing.assert_close(after_3[0, 0], torch.tensor([4 / 9, 3 / 9, 2 / 9, 0]))
    torch.testing.assert_close(after_3[1, 0], torch.tensor([1.0, 0, 0, 0]))


@pytest.mark.parametrize("order", [1, 2, 4])
def test_it_equals_a_count_of_the_text(order):
    text = torch.randint(3, (200,), generator=torch.Generator().manual_seed(0)).tolist()
    table = NGram(torch.tensor(text), 3, order)
    past = text[-order:][1:] if order > 1 else []
    runs = [text[i : i + order] for i in range(len(text) - order + 1)]
    counts = [sum(run == [*past, token] for run in runs) for token in range(3)]
    found = table(torch.tensor([[0, *past]])).exp()[0, 0]
    torch.testing.assert_close(found, torch.tensor(counts) / sum(counts))


@pytest.mark.parametrize("order", [0, 10])
def test_an_order_that_cannot_be_is_refused(order):
    with pytest.raises(ValueError, match=rf"order must lie in 1\.\.9, got {order}"):
        NGram(torch.zeros(9, dtype=torch.long), 2, order)
