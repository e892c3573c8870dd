"""Counting baselines, by hand and by PyTorch's cross-entropy."""

import inspect
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
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


def counted(text, held_out, vocab, order):
    """The loss, with the runs of tokens as keys of a dictionary."""
    runs = [tuple(text[i : i + order]) for i in range(len(text) - order + 1)]
    whole, before = Counter(runs), Counter(run[:-1] for run in runs)
    losses = []
    for i in range(len(held_out) - order + 1):
        run = tuple(held_out[i : i + order])
        losses.append(-math.log((whole[run] + 1) / (before[run[:-1]] + vocab)))
    return sum(losses) / len(losses)


LARGE = st.sampled_from([(2, 63), (2, 64), (3, 41), (512, 8), (50_257, 5), (2**31, 4)])


@given(LARGE, st.integers(0, 99))
def test_counts_are_exact_where_63_bits_overflow(size, seed):
    """Texts of few kinds of tokens, the highest among them, that repeat themselves."""
    vocab, order = size
    generator = torch.Generator().manual_seed(seed)
    few = torch.tensor([0, 1, vocab // 2, vocab - 1])
    part = few[torch.randint(4, (order + 3,), generator=generator)]
    text = torch.cat([part, part, part[1:], few])
    held_out = torch.cat([part[2:], part, few[torch.randint(4, (3,))]])
    expected = counted(text.tolist(), held_out.tolist(), vocab, order)
    assert ngram_loss(text, held_out, vocab, order) == pytest.approx(expected, rel=1e-5)


@given(st.sampled_from([(2, 64), (512, 8), (50_257, 5)]), st.integers(0, 99))
def test_what_follows_is_exact_where_63_bits_overflow(size, seed):
    vocab, order = size
    generator = torch.Generator().manual_seed(seed)
    few = torch.tensor([0, 1, vocab // 2, vocab - 1])
    past = few[torch.randint(4, (order - 1,), generator=generator)]
    other = past.clone()
    other[0] = (other[0] + 1) % vocab  # differs in what 63 bits would lose
    text = torch.cat([past, few[:1], other, few[1:2], past, few[:1]])
    found = NGram(text, vocab, order)(past[None])[0, 0].exp()
    runs = text.unfold(0, order, 1)
    after = runs[(runs[:, :-1] == past).all(1), -1]
    expected = torch.bincount(after, minlength=vocab) / len(after)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.uint16])
def test_ids_of_any_integer_type_are_counted(dtype):
    text = torch.randint(200, (300,), generator=torch.Generator().manual_seed(1))
    small, plain = text.to(dtype), inspect.unwrap
    assert plain(bigram)(small, 200).equal(bigram(text, 200))
    assert plain(unigram)(small, 200).equal(unigram(text, 200))
    assert plain(ngram_loss)(small, small, 200, 3) == ngram_loss(text, text, 200, 3)


@pytest.mark.parametrize("count", [unigram, bigram])
@pytest.mark.parametrize(
    "text, says",
    [
        (torch.tensor([0, 4]), r"ids must lie in 0\.\.3, got 0\.\.4"),
        (torch.tensor([0, -1]), r"ids must lie in 0\.\.3, got -1\.\.0"),
        (torch.tensor([0.5]), "ids must be a tensor of integers with one axis"),
        (torch.tensor([[0]]), "ids must be a tensor of integers with one axis"),
        ([0, 1], "ids must be a tensor of integers with one axis, got list"),
    ],
)
def test_what_is_no_text_is_refused(count, text, says):
    with pytest.raises(ValueError, match=says):
        inspect.unwrap(count)(text, 4)


def test_a_text_without_anything_to_predict_is_refused():
    even = torch.full((3, 3), 1 / 3)
    with pytest.raises(ValueError, match="ids must be of length 1 or more, got 0"):
        unigram_loss(even[0], ids[:0])
    with pytest.raises(ValueError, match="ids must be of length 2 or more, got 1"):
        bigram_loss(even, ids[:1])
    with pytest.raises(ValueError, match="held_out must be of length 4 or more, got 3"):
        ngram_loss(ids, ids[:3], 3, order=4)


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
