"""Smoothing, against plain counting in dictionaries, and as probabilities."""

import math
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.measure.ngram import NGram
from lib.measure.smoothing import SMOOTHINGS, discounts

MIXED = ("Kneser-Ney", "Witten-Bell")


def some_text(length, vocab, seed=0):
    """Tokens that repeat themselves: squares of random numbers, the low ones often."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(length, generator=generator) ** 2 * vocab).long()


def runs_of(text, length):
    return Counter(tuple(text[i : i + length]) for i in range(len(text) - length + 1))


def witten_bell(text, vocab, order, past, token):
    """Chen & Goodman's section 2.5, one token at a time."""
    if order == 0:
        return 1 / vocab
    past = past[len(past) - order + 1 :] if order > 1 else ()
    counts = {r[-1]: n for r, n in runs_of(text, order).items() if r[:-1] == past}
    shorter = witten_bell(text, vocab, order - 1, past[1:], token)
    if not counts:
        return shorter
    total, different = sum(counts.values()), len(counts)
    return (counts.get(token, 0) + different * shorter) / (total + different)


def kneser_ney(text, vocab, order, past, token, longest=True):
    """The recursion of their section 3: below the top, tokens before are counted."""
    if order == 0:
        return 1 / vocab
    past = past[len(past) - order + 1 :] if order > 1 else ()
    runs = runs_of(text, order)
    if not longest:
        before = defaultdict(set)
        for run in runs_of(text, order + 1):
            before[run[1:]].add(run[0])
        runs = {run: len(before[run]) for run in runs}
    n = Counter(min(count, 5) for count in runs.values())
    taken = [0.0]
    for k in (1, 2, 3):
        few = n[k] == 0 or n[1] == 0
        d = -1 if few else k - (k + 1) * n[1] / (n[1] + 2 * n[2]) * n[k + 1] / n[k]
        taken.append(d if 0 <= d <= k else k / 2)
    counts = {run[-1]: count for run, count in runs.items() if run[:-1] == past}
    shorter = kneser_ney(text, vocab, order - 1, past[1:], token, longest=False)
    total = sum(counts.values())
    if not total:
        return shorter
    left = sum(taken[min(count, 3)] for count in counts.values())
    own = counts.get(token, 0)
    return (own - taken[min(own, 3)] + left * shorter) / total


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize(
    "name, plainly", [("Kneser-Ney", kneser_ney), ("Witten-Bell", witten_bell)]
)
def test_it_is_what_plain_counting_gives(name, plainly, order):
    text, held_out = some_text(150, 6).tolist(), some_text(30, 8, seed=1).tolist()
    found = NGram(torch.tensor(text), 8, order, name).surprises(torch.tensor(held_out))
    for i, token in enumerate(held_out):
        past = tuple(held_out[max(0, i - order + 1) : i])
        expected = plainly(text, 8, min(order, i + 1), past, token)
        if name == "Kneser-Ney" and i + 1 < order:  # a past too short for the top
            expected = plainly(text, 8, i + 1, past, token, longest=False)
        assert found[i].exp().item() == pytest.approx(1 / expected, rel=1e-5)


@pytest.mark.parametrize("name", [*SMOOTHINGS])
def test_a_row_says_what_the_surprises_say(name):
    text, held_out = some_text(200, 5), some_text(40, 5, seed=2)
    table = NGram(text, 7, 3, name)
    found = table.surprises(held_out)
    for i in range(1, len(held_out)):
        row = table(held_out[None, :i])[0, 0]
        assert row[held_out[i]].item() == pytest.approx(-found[i].item(), rel=1e-4)


@given(
    st.sampled_from([*SMOOTHINGS]),
    st.integers(1, 5),
    st.lists(st.integers(0, 3), min_size=5, max_size=40),
    st.lists(st.integers(0, 4), min_size=1, max_size=6),
)
def test_probabilities_add_up_to_one(name, order, text, past):
    table = NGram(torch.tensor(text), 5, order, name)
    shares = table(torch.tensor([past]))[0, 0].exp()
    assert shares.sum().item() == pytest.approx(1, abs=1e-5)
    assert name == "backing off" or (shares > 0).all()


@pytest.mark.parametrize("name", MIXED)
def test_what_never_came_is_possible(name):
    table = NGram(torch.tensor([0, 1, 0, 1, 0, 2]), 1000, 3, name)
    assert table.surprises(torch.tensor([0, 1, 999, 0])).isfinite().all()
    never = NGram(torch.tensor([0, 1, 0, 1, 0, 2]), 1000, 3)
    assert never.surprises(torch.tensor([0, 1, 999, 0]))[2] == math.inf


def test_a_text_that_repeats_itself_is_known_better_by_long_runs():
    text = some_text(50, 9).repeat(20)
    means = [
        NGram(text, 9, order, "Kneser-Ney").surprises(text[:200]).mean()
        for order in (1, 2, 4)
    ]
    assert means[0] > means[1] > means[2]


def test_discounts_by_hand():
    counts = torch.tensor([1] * 6 + [2] * 4 + [3] * 2 + [4])
    share = 6 / (6 + 8)
    expected = [0, 1 - 2 * share * 4 / 6, 2 - 3 * share * 2 / 4, 3 - 4 * share / 2]
    torch.testing.assert_close(
        discounts(counts), torch.tensor(expected, dtype=torch.float64)
    )


def test_discounts_of_too_few_counts_are_half():
    half = torch.tensor([0, 0.5, 1, 1.5], dtype=torch.float64)
    torch.testing.assert_close(discounts(torch.tensor([7, 9])), half)
    half[1] = 1  # a run that came once says nothing where none came twice
    torch.testing.assert_close(discounts(torch.tensor([1, 1, 1])), half)


def test_an_unknown_smoothing_is_refused():
    with pytest.raises(ValueError, match=r"smoothing must be one of .* got 'Good'"):
        NGram(torch.tensor([0, 1, 0]), 2, 2, "Good")
