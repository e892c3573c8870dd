"""Counting baselines, by hand and by PyTorch's cross-entropy."""

import math

import pytest
import torch
from torch.nn.functional import nll_loss

from lib.ngram import bigram, bigram_loss, unigram, unigram_loss

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
