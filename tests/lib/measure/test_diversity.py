"""Measures of a text, on texts whose measures are known."""

from dataclasses import replace

import pytest
import torch

from lib.measure.diversity import cycle_length, distinct, known_share, surprises
from lib.model.gpt import GPT
from lib.train import next_token_loss
from tests.helpers.models import TINY


def test_distinct():
    assert distinct("abcd", 1) == distinct("abcd", 4) == 1
    assert distinct("aaaa", 1) == 1 / 4 and distinct("aaaa", 2) == 1 / 3
    assert distinct(["to", "be", "to", "be"], 2) == 2 / 3
    for n in (0, 5):
        with pytest.raises(ValueError, match=rf"n must lie in 1\.\.4.*got {n}"):
            distinct("abcd", n)


@pytest.mark.parametrize(
    ("text", "length"),
    [("abc", 0), ("xaaa", 1), ("xaa", 0), ("zabcabcabc", 3), ("abcabc", 0), ("", 0)],
)
def test_cycle_length(text, length):
    assert cycle_length(text) == length
    assert cycle_length(torch.tensor([ord(c) for c in text]).tolist()) == length


def test_known_share():
    assert known_share(["to", "bee", "or"], {"to", "or"}) == 2 / 3
    with pytest.raises(ValueError, match="at least one word"):
        known_share([], {"to"})


def test_surprises_are_the_loss_within_the_context():
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3)), torch.randint(11, (12,))
    expected = next_token_loss(net(ids[None, :-1]), ids[None, 1:]).item()
    found = surprises(net, ids)
    assert found.shape == (11,) and not found.requires_grad
    assert found.mean().item() == pytest.approx(expected, abs=1e-5)
    for t in (1, 5, 11):
        scores = net(ids[None, :t])[0, -1].log_softmax(-1)
        assert found[t - 1].item() == pytest.approx(-scores[ids[t]].item(), abs=1e-5)


def test_surprises_go_on_past_the_context():
    net = GPT(replace(TINY, init_std=0.3))
    assert surprises(net, torch.randint(11, (40,))).shape == (39,)
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        surprises(net, torch.tensor([1]))
