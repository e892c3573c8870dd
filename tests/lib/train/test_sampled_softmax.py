"""Sampled softmax: with every word drawn it is the softmax; windows within one text."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from lib.model.encoder import Encoder
from lib.train import adamw, mask_tokens, token_loss, train
from lib.train.sampled_softmax import sampled_loss, text_windows, with_samples
from tests.helpers.models import TINY

TYPES = {  # and how far from the same in float64 a loss, or a gradient, may be
    torch.float64: 1e-6,  # chances are float32
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}
TEXTS = [[n] * (3 + n) for n in range(8)]


def model(**changes):
    torch.manual_seed(0)
    return Encoder(replace(TINY, init_std=0.3, **changes))


def hidden(batch=4, time=6):
    texts = [[(a + b) % 11 for b in range(20)] for a in range(9)]
    return next(mask_tokens(text_windows(texts, batch, time), 10, 11, 0.4))


@pytest.mark.parametrize("tied", [True, False])
def test_drawing_every_word_once_gives_the_softmax(tied):
    net, (ids, targets) = model(tied=tied), hidden()
    batch, chances = (ids, targets, torch.arange(11)), torch.full((11,), 1 / 11)
    ours, whole = sampled_loss(net, batch, chances), token_loss(net, (ids, targets))
    torch.testing.assert_close(ours, whole)
    grads = [torch.autograd.grad(loss, [*net.parameters()]) for loss in (ours, whole)]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


def test_drawing_unevenly_gives_nearly_the_softmax():
    net, (ids, targets) = model(), hidden(batch=16)
    chances = torch.linspace(1, 5, 11) / torch.linspace(1, 5, 11).sum()
    batches = with_samples(iter([(ids, targets)] * 200), chances, 200)
    losses = [sampled_loss(net, batch, chances) for batch in batches]
    whole = token_loss(net, (ids, targets)).item()
    assert torch.stack(losses).mean().item() == pytest.approx(whole, abs=0.01)


def test_windows_lie_within_one_text_and_longer_ones_come_more_often():
    seen = torch.cat([ids for ids, _ in islice(text_windows(TEXTS, 50, 5), 40)])
    assert (seen == seen[:, :1]).all()
    often = seen[:, 0].bincount(minlength=8) / len(seen)
    sizes = torch.tensor([0, 0, 5, 6, 7, 8, 9, 10.0])  # the shorter ones never
    torch.testing.assert_close(often, sizes / sizes.sum(), atol=0.03, rtol=0)


def test_a_window_starts_anywhere():
    starts = {
        ids[0, 0].item() for ids, _ in islice(text_windows([[*range(7)]], 1, 5), 40)
    }
    assert starts == {0, 1, 2}


def test_texts_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match="one of 11 tokens or more, got none"):
        next(text_windows(TEXTS, 2, 11))


def test_words_are_drawn_by_their_chances():
    chances = torch.tensor([0.1, 0.6, 0.0, 0.3])
    batch = (torch.zeros(1, 1).long(),) * 2
    *_, drawn = next(with_samples(iter([batch]), chances, 5000))
    torch.testing.assert_close(drawn.bincount() / 5000, chances, atol=0.02, rtol=0)


def test_a_model_learns_by_it():
    net, chances = model(width=32), torch.full((11,), 1 / 11)
    texts = [[(a + b) % 9 for b in range(20)] for a in range(9)]
    batches = mask_tokens(text_windows(texts, 8, 8), 10, 9, 0.2)
    train(
        net,
        adamw(net, 0.01),
        with_samples(batches, chances, 8),
        200,
        objective=lambda model, batch: sampled_loss(model, batch, chances),
    )
    held_out = next(mask_tokens(text_windows(texts, 64, 8, seed=5), 10, 9, 0.2))
    assert token_loss(net, held_out) < 1  # of log(9) = 2.2 at the start


def loss_and_gradient(net, chances):
    """Of one batch, with the same words drawn whatever the type."""
    batch = (*hidden(), torch.tensor([2, 0, 7, 7, 10]))
    loss = sampled_loss(net, batch, chances)
    loss.backward()
    return loss, net.unembed.weight.grad


@pytest.mark.parametrize("dtype", TYPES)
def test_the_loss_in_every_type(dtype):
    chances = torch.linspace(1, 5, 11) / torch.linspace(1, 5, 11).sum()
    expected = loss_and_gradient(model().double(), chances)
    found = loss_and_gradient(model().to(dtype), chances)
    close = {"atol": TYPES[dtype], "rtol": TYPES[dtype], "check_dtype": False}
    for mine, exact in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, exact, **close)
    assert found[1].dtype == dtype


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_the_loss_under_autocast(half):
    chances = torch.full((11,), 1 / 11)
    expected, _ = loss_and_gradient(model(), chances)
    with torch.autocast("cpu", half):
        found, gradient = loss_and_gradient(model(), chances)
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(found.float(), expected, atol=5e-2, rtol=5e-2)


@pytest.mark.parametrize("dtype", TYPES)
def test_words_are_drawn_by_chances_of_any_type(dtype):
    batch = (torch.zeros(1, 1).long(),) * 2
    chances = torch.tensor([0.25, 0.5, 0.0, 0.25], dtype=dtype)
    *_, drawn = next(with_samples(iter([batch]), chances, 2000))
    shares = drawn.bincount(minlength=4) / 2000
    torch.testing.assert_close(shares, chances.float(), atol=0.04, rtol=0)
