"""Objectives: the loss, how it is measured on held-out text, and its other units."""

import math
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.train import (
    bits_per_character,
    consecutive_windows,
    count_targets,
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


@given(st.lists(st.integers(0, 6), min_size=2, max_size=4), st.data())
def test_every_target_counts_the_same_in_whatever_batch_it_comes(sizes, data):
    """Padded texts, of which some have a single target and some none."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5))
    ids, targets = torch.randint(5, (2, len(sizes), 6))
    for row, size in zip(targets, sizes, strict=True):
        row[size:] = -1
    if not sum(sizes):
        return
    cut = data.draw(st.integers(1, len(sizes) - 1))
    parts = list(zip(ids.split(cut), targets.split(cut), strict=True))
    whole = token_loss(net, (ids, targets)).item()
    assert evaluate(net, parts) == pytest.approx(whole, abs=1e-6)
    counted = sum(count_targets(part) for part in parts)
    assert counted == count_targets((ids, targets)) == sum(sizes)


@pytest.mark.parametrize(
    "batch, many",
    [
        ((torch.zeros(4, 3),), 4),
        ((torch.zeros(4, 3), torch.zeros(4, 1)), 4),  # numbers to come near to
        ((torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])), 4),  # labels
        ((torch.zeros(4, 3), torch.tensor([0, -1, 2, -1])), 2),  # some unknown
        ((torch.zeros(4, 3), torch.tensor([True, False, True, False])), 4),
        ((torch.zeros(4, 3), torch.tensor([3, 1, 2, 3]), torch.zeros(4)), 4),
        ((torch.zeros(4, 3), torch.arange(9)), 4),  # not row for row
        ((torch.zeros(2, 2), torch.tensor([[1, -1], [-100, 0]])), 2),
    ],
)
def test_targets_are_counted(batch, many):
    assert count_targets(batch) == many


def test_a_count_of_ones_own_is_used():
    """As for a loss in which classes weigh differently: a mean by weight."""
    weights = torch.tensor([1.0, 5.0, 0.5])
    net, labels = nn.Linear(2, 3), torch.tensor([0, 1, 1, 2, 0, 0])
    x = torch.rand(6, 2)

    def objective(model, batch):
        return nn.functional.cross_entropy(model(batch[0]), batch[1], weights)

    def count(batch):
        return weights[batch[1]].sum().item()

    parts = list(zip(x.split(2), labels.split(2), strict=True))
    whole = objective(net, (x, labels)).item()
    assert evaluate(net, parts, objective, count) == pytest.approx(whole, abs=1e-6)
    assert evaluate(net, parts, objective) != pytest.approx(whole, abs=1e-3)


@pytest.mark.parametrize("batch", [torch.zeros(2, 3), {}, ()])
def test_what_is_no_batch_is_refused(batch):
    with pytest.raises((ValueError, TypeError), match="batch"):
        count_targets(batch)


class Parts(nn.Module):
    """A part in training, one in evaluation; work that may fail."""

    def __init__(self, fails=False):
        super().__init__()
        self.learns, self.rests, self.fails = nn.Linear(1, 1), nn.Linear(1, 1), fails
        self.rests.eval()

    def forward(self, x):
        assert not self.learns.training
        return 1 / 0 if self.fails else self.learns(x)


@pytest.mark.parametrize("fails", [False, True])
def test_each_part_gets_back_its_mode(fails):
    net = Parts(fails)
    with suppress(ZeroDivisionError):
        evaluate(net, [(torch.ones(1, 1),)], lambda model, batch: model(*batch).sum())
    assert net.training and net.learns.training and not net.rests.training


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="model must have weights"):
        evaluate(nn.Identity(), [(torch.ones(1, 1),)])


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


def test_perplexity_of_a_huge_loss_is_infinite():
    assert perplexity(709.0) < math.inf
    for loss in (710.0, 1e300, math.inf):
        assert perplexity(loss) == math.inf
    assert math.isnan(perplexity(math.nan))


def test_bits_of_a_coin():
    """Two coins, written as one token of four kinds or as two of two kinds."""
    assert bits_per_character(math.log(4), tokens=1, characters=2) == pytest.approx(1)
    assert bits_per_character(math.log(2), tokens=2, characters=2) == pytest.approx(1)
    for tokens, characters in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"{tokens}, characters={characters}"):
            bits_per_character(1.0, tokens, characters)
