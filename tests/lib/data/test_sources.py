"""Sources: exact entropies, by hand, by counting and by every text of some length."""

import math
from itertools import islice, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.data.sources import draw, entropy, how_often, random_source, window_entropy
from lib.measure.ngram import bigram, bigram_loss, ngram_loss, unigram, unigram_loss

WEATHER = torch.tensor([[0.8, 0.2], [0.4, 0.6]], dtype=torch.float64)  # sun, rain
sources = st.builds(
    random_source,
    vocab=st.integers(2, 4),
    order=st.integers(1, 3),
    spread=st.floats(0, 3),
    seed=st.integers(0, 99),
)


def surprise(p):
    return -p * math.log(p)


def order_of(source):
    return round(math.log(len(source), source.size(1)))


def test_the_weather_by_hand():
    torch.testing.assert_close(how_often(WEATHER), torch.tensor([2, 1]).double() / 3)
    assert entropy(WEATHER, 0) == pytest.approx(surprise(2 / 3) + surprise(1 / 3))
    sun, rain = surprise(0.8) + surprise(0.2), surprise(0.4) + surprise(0.6)
    assert entropy(WEATHER) == pytest.approx((2 * sun + rain) / 3)
    for seen in (1, 7):
        assert entropy(WEATHER, seen) == pytest.approx(entropy(WEATHER))


def test_an_even_source_has_the_entropy_of_a_die():
    assert entropy(random_source(6, 2, spread=0.0)) == pytest.approx(math.log(6))


def probabilities(source, length):
    """The probability of every text of that length, one after the other."""
    vocab, order = source.size(1), order_of(source)
    often = how_often(source)
    for text in product(range(vocab), repeat=length):
        row = sum(t * vocab**p for p, t in enumerate(reversed(text[:order])))
        chance = often[row].item()
        for token in text[order:]:
            chance *= source[row, token].item()
            row = (row * vocab + token) % len(source)
        yield chance


def block_entropy(source, length):
    return sum(surprise(chance) for chance in probabilities(source, length))


@given(sources)
def test_entropy_is_what_one_more_token_adds(source):
    """The chain rule, over every text of two lengths: brute force."""
    order = order_of(source)
    rate = block_entropy(source, order + 2) - block_entropy(source, order + 1)
    assert entropy(source) == pytest.approx(rate, abs=1e-9)
    below = block_entropy(source, order + 1) - block_entropy(source, order)
    assert entropy(source, order) == pytest.approx(below, abs=1e-9)


@given(sources)
def test_to_see_more_never_costs(source):
    steps = [entropy(source, seen) for seen in range(order_of(source) + 2)]
    assert all(a >= b - 1e-9 for a, b in zip(steps, steps[1:], strict=False))
    assert 0 < steps[-1] and steps[0] <= math.log(source.size(1)) + 1e-9
    assert window_entropy(source, 3) == pytest.approx(
        sum(entropy(source, seen) for seen in (1, 2, 3)) / 3
    )


@given(sources)
def test_one_more_token_leaves_the_shares_as_they_are(source):
    often, vocab = how_often(source), source.size(1)
    assert (often > 0).all() and often.sum().item() == pytest.approx(1)
    together = often[:, None] * source  # row token
    after = torch.zeros_like(often)
    for row, token in product(range(len(source)), range(vocab)):
        after[(row * vocab + token) % len(source)] += together[row, token]
    torch.testing.assert_close(after, often)


def test_counting_meets_the_floors():
    """What is drawn follows the table, and has followed it from its first token."""
    source = random_source(4, 2, spread=1.5, seed=3)
    x, y = next(draw(source, batch=20_000, time=3, seed=1))
    assert x[:, 1:].equal(y[:, :-1])
    text = torch.cat([x, y[:, -1:]], dim=1)  # four tokens each
    for first in (0, 1):
        seen = text[:, first : first + 3]
        counts = torch.zeros(4, 4, 4).index_put_(
            tuple(seen.T), torch.ones(()), accumulate=True
        )
        expected = (how_often(source)[:, None] * source).view(4, 4, 4).float()
        torch.testing.assert_close(counts / 20_000, expected, atol=0.01, rtol=0)


@pytest.mark.processes
def test_n_grams_come_close_and_do_not_cross():
    source = random_source(4, 2, spread=1.5, seed=3)
    (x, _), (held_out, _) = (next(draw(source, 1, 100_000, seed)) for seed in (1, 2))
    x, held_out = x[0], held_out[0]
    losses = [
        unigram_loss(unigram(x, 4), held_out),
        bigram_loss(bigram(x, 4), held_out),
        ngram_loss(x, held_out, 4, order=3),
    ]
    floors = [entropy(source, seen) for seen in range(3)]
    assert losses == pytest.approx(floors, abs=0.01)
    assert floors[0] > floors[1] + 0.05 > floors[2] + 0.1


def test_the_same_seed_draws_the_same_texts():
    source = random_source(3, 1)
    first, again = (list(islice(draw(source, 2, 5, seed=4), 3)) for _ in range(2))
    other = next(draw(source, 2, 5, seed=5))
    assert all(a.equal(b) for (a, _), (b, _) in zip(first, again, strict=True))
    assert not first[0][0].equal(first[1][0]) and not first[0][0].equal(other[0])


@pytest.mark.parametrize("time", [1, 2, 3])
def test_windows_may_be_shorter_than_the_memory(time):
    x, y = next(draw(random_source(2, 3), batch=5, time=time))
    assert x.shape == y.shape == (5, time)


@pytest.mark.parametrize(
    "source, says",
    [
        (torch.full((3, 2), 0.5), "got 3 for vocab 2"),
        (torch.ones(1, 1), "got 1 for vocab 1"),
        (torch.tensor([[1.0, 0.0], [0.5, 0.5]]), "above 0"),
        (torch.tensor([[0.5, 0.6], [0.5, 0.5]]), "add up to 1"),
    ],
)
def test_what_is_no_source_is_refused(source, says):
    for ask in (how_often, entropy, lambda s: next(draw(s, 1, 1))):
        with pytest.raises(ValueError, match=says):
            ask(source.double())
