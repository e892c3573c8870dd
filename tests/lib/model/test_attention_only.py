"""The attention-only model: shapes, causality, what it starts from."""

import torch

from lib.model.attention_only import AttentionOnly


def model(rotary=True):
    torch.manual_seed(0)
    return AttentionOnly(11, width=16, heads=4, layers=2, rotary=rotary)


def test_scores_for_every_token_at_every_position():
    ids = torch.randint(11, (3, 7))
    assert model()(ids).shape == (3, 7, 11)


def test_the_future_changes_nothing():
    ids = torch.randint(11, (1, 9))
    changed = ids.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    for rotary in (False, True):
        net = model(rotary)
        torch.testing.assert_close(net(ids)[:, :5], net(changed)[:, :5])
        assert not torch.allclose(net(ids)[:, 5:], net(changed)[:, 5:])


def test_without_positions_the_order_of_the_past_is_invisible():
    ids = torch.tensor([[1, 2, 3, 4]])
    swapped = torch.tensor([[2, 3, 1, 4]])
    one_layer = AttentionOnly(11, width=16, heads=2, layers=1)
    torch.testing.assert_close(one_layer(ids)[:, -1], one_layer(swapped)[:, -1])
    turned = AttentionOnly(11, width=16, heads=2, layers=1, rotary=True)
    assert not torch.allclose(turned(ids)[:, -1], turned(swapped)[:, -1])


def test_the_first_predictions_are_near_even():
    logits = model()(torch.randint(11, (4, 8)))
    shares = logits.softmax(-1)
    assert (shares - 1 / 11).abs().max() < 0.05
