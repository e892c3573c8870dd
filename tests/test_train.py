"""The training loop: what it draws, what it minimizes, what it leaves behind."""

import math
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.attention_only import AttentionOnly
from lib.positions import Rotary
from lib.train import Every, adamw, evaluate, next_token_loss, train, windows


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 9))
def test_targets_are_the_inputs_one_token_later(batch, time, seed):
    ids = torch.arange(20)
    x, y = next(windows(ids, batch, time, seed))
    assert x.shape == y.shape == (batch, time)
    assert y.equal(x + 1)


def test_windows_reach_both_ends_of_the_text():
    drawn = torch.cat(
        [torch.cat(pair) for pair in islice(windows(torch.arange(6), 8, 3), 20)]
    )
    assert drawn.min() == 0 and drawn.max() == 5


def test_the_same_seed_draws_the_same_windows():
    first, second, other = (
        next(windows(torch.arange(99), 4, 8, seed))[0] for seed in (1, 1, 2)
    )
    assert first.equal(second) and not first.equal(other)


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="need 5 tokens, got 4"):
        next(windows(torch.arange(4), 1, 4))


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


def small_run(seed=0, **options):
    torch.manual_seed(seed)
    net = AttentionOnly(5, width=16, heads=2, layers=1, rotary=Rotary())
    ids = torch.arange(200) % 5  # each token tells the next
    optimizer = adamw(net, lr=0.02)
    return net, train(net, optimizer, windows(ids, 8, 6), steps=60, **options).losses


def test_training_learns_what_can_be_learned():
    _, losses = small_run()
    assert len(losses) == 60
    assert losses[0] == pytest.approx(math.log(5), abs=0.1)
    assert losses[-1] < 0.1


def test_the_same_seed_gives_the_same_run():
    (first, losses), (second, again) = small_run(), small_run()
    assert losses == again
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert one.equal(other)


def test_callbacks_see_every_step_and_the_losses_so_far():
    look = Every(1, lambda run: run.history.losses[-1])
    _, losses = small_run(callbacks=[look])
    assert look.results == list(enumerate(losses, start=1))
