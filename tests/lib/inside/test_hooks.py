"""Looking inside: what is seen is what happened, and looking leaves no trace."""

import pytest
import torch
from torch import nn

from lib.inside.hooks import attention_weights, dropout_off, replaced, watch
from lib.model.attention import MultiHeadAttention
from lib.model.block import DecoderBlock, PreNorm
from lib.model.masks import causal_mask


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))


def test_what_went_in_and_what_came_out(net):
    x = torch.randn(5, 3)
    seen = watch(net, ["2", "0"], x)
    assert list(seen) == ["0", "2"]  # in the order of the work
    (given,), gave = seen["0"]
    assert given.equal(x) and gave.equal(net[0](x))
    (given,), gave = seen["2"]
    assert given.equal(net[0](x)) and gave.equal(net.eval()(x))
    assert not gave.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_looking_leaves_no_trace(net, training):
    net.train(training)
    watch(net, ["0"], torch.randn(5, 3))
    assert net.training == training and not net[0]._forward_hooks


def test_nor_does_a_look_that_fails(net):
    with pytest.raises(RuntimeError, match="shapes"):
        watch(net, ["0"], torch.randn(5, 7))
    assert net.training and not net[0]._forward_hooks
    with pytest.raises(AttributeError, match="has no attribute"):
        watch(net, ["0", "nothing"], torch.randn(5, 3))
    assert not net[0]._forward_hooks


def test_cross_attention_is_seen_too():
    torch.manual_seed(0)
    steps = [PreNorm(MultiHeadAttention(8, 2), nn.LayerNorm(8)) for _ in range(2)]
    block = DecoderBlock(*steps, nn.Identity())
    x, context = torch.randn(1, 4, 8), torch.randn(1, 6, 8)
    weights = attention_weights(block, x, context, causal_mask(4))
    assert list(weights) == ["attention.part", "cross_attention.part"]
    assert (weights["attention.part"].triu(1) == 0).all()
    assert weights["cross_attention.part"].shape == (1, 2, 4, 6)
    _, expected = block.cross_attention.part.with_weights(
        block.cross_attention.norm(block.attention(x, causal_mask(4))), None, context
    )
    torch.testing.assert_close(weights["cross_attention.part"], expected)


def test_a_part_can_be_replaced_for_a_while(net):
    x, other = torch.randn(5, 3), torch.randn(5, 4)
    with replaced(net[0], other), dropout_off(net):
        torch.testing.assert_close(net(x), net[2](other))
    assert net.training and not net[0]._forward_hooks
    with pytest.raises(RuntimeError, match="shapes"), replaced(net[0], x):
        net(x)
    assert not net[0]._forward_hooks


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_for_a_while(net, training):
    net.train(training)
    with pytest.raises(KeyError), dropout_off(net):
        assert not net.training
        raise KeyError
    assert net.training == training
