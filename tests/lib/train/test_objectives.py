"""Objectives: the loss, how it is measured on held-out text, and its other units."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.train import (
    bits_per_character,
    consecutive_windows,
    evaluate,
    next_token_loss,
    perplexity,
    token_loss,
)


def test_loss_is_minus_the_log_of_the_probability_of_the_target():
    logits = torch.log(torch.tensor([[[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]]))
    loss = next_token_loss(logits, torch.tensor([[2, 1]]))
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)
    ignored = next_token_loss(logits, torch.tensor([[2, -1]]))
    assert ignored.item() == pytest.approx(-math.log(0.5))


class Dropper(nn.Module):
    """Says 0 or, with dropout on, noise; to see which mode it is run in."""

    def __init__(self):
        super().__init__()
        self.scale, self.drop = nn.Parameter(torch.ones(1)), nn.Dropout(0.5)

    def forward(self, ids):
        return self.drop(self.scale * torch.ones(*ids.shape, 4)).cumsum(-1)


def test_evaluate_turns_dropout_off_and_on_again():
    net, batches = Dropper(), [(torch.zeros(2, 3).long(), torch.zeros(2, 3).long())]
    assert evaluate(net, batches) == evaluate(net, batches)
    assert net.training
    net.eval()
    evaluate(net, batches)
    assert not net.training


@given(st.integers(1, 7))
def test_every_window_counts_the_same_in_whatever_batch_it_comes(batch):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5))
    ids = torch.randint(5, (36,))  # 7 windows of 5
    whole = token_loss(net, next(consecutive_windows(ids, 7, 5))).item()
    in_parts = evaluate(net, consecutive_windows(ids, batch, 5))
    assert in_parts == pytest.approx(whole, abs=1e-6)


def test_evaluate_uses_the_objective_it_is_given():
    batch = (torch.zeros(1, 1), torch.zeros(1, 1))
    assert evaluate(nn.Linear(1, 1), [batch], lambda *_: torch.tensor(2.5)) == 2.5


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(ValueError, match="batches must hold at least one batch"):
        evaluate(nn.Linear(1, 1), [])


def test_perplexity_of_an_even_guess_is_the_number_of_tokens():
    even = next_token_loss(torch.zeros(1, 1, 50), torch.tensor([[7]])).item()
    assert perplexity(even) == pytest.approx(50, rel=1e-6)
    assert perplexity(0.0) == 1


def test_bits_of_a_coin():
    """Two coins, written as one token of four kinds or as two of two kinds."""
    assert bits_per_character(math.log(4), tokens=1, characters=2) == pytest.approx(1)
    assert bits_per_character(math.log(2), tokens=2, characters=2) == pytest.approx(1)
    for tokens, characters in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"{tokens}, characters={characters}"):
            bits_per_character(1.0, tokens, characters)
