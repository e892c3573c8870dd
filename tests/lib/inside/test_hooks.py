"""Looking inside: what is seen is what happened, and looking leaves no trace."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lib.inside.hooks import (
    attention_weights,
    attention_weights_by_name,
    replaced,
    residual_stream,
    watch,
)
from lib.model.attention import MultiHeadAttention
from lib.model.attention_only import AttentionOnly
from lib.model.block import Block, DecoderBlock, PreNorm
from lib.model.gpt import GPT
from lib.model.masks import causal_mask
from lib.model.modes import evaluating
from lib.model.positions import cos_sin
from tests.helpers.models import PRESETS


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))


def test_what_went_in_and_what_came_out(net):
    x = torch.randn(5, 3)
    seen = watch(net, ["2", "0"], x)
    assert list(seen) == ["0", "2"]  # in the order of the work
    (given,), keywords, gave = seen["0"]
    assert given.equal(x) and gave.equal(net[0](x)) and not keywords
    (given,), keywords, gave = seen["2"]
    assert given.equal(net[0](x)) and gave.equal(net.eval()(x)) and not keywords
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


def test_what_was_given_by_keyword_is_seen():
    block = Block(PreNorm(MultiHeadAttention(8, 2), nn.LayerNorm(8)), nn.Identity())
    mask = causal_mask(4)
    seen = watch(block, ["attention.part"], torch.randn(1, 4, 8), mask)
    assert seen["attention.part"].keywords["mask"] is mask


def test_cross_attention_is_seen_too():
    torch.manual_seed(0)
    parts = [PreNorm(MultiHeadAttention(8, 2), nn.LayerNorm(8)) for _ in range(2)]
    block = DecoderBlock(*parts, nn.Identity())
    x, context = torch.randn(1, 4, 8), torch.randn(1, 6, 8)
    weights = attention_weights_by_name(block, x, context, causal_mask(4))
    assert list(weights) == ["attention.part", "cross_attention.part"]
    assert (weights["attention.part"].triu(1) == 0).all()
    assert weights["cross_attention.part"].shape == (1, 2, 4, 6)
    _, expected = block.cross_attention.part.with_weights(
        block.cross_attention.norm(block.attention(x, mask=causal_mask(4))),
        context=context,
    )
    torch.testing.assert_close(weights["cross_attention.part"], expected)


def ids(batch=2, time=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(11, (batch, time), generator=generator)


def model(preset, **changes):
    torch.manual_seed(0)
    return GPT(replace(PRESETS[preset], init_std=0.3, **changes))


@pytest.mark.parametrize("preset", PRESETS)
def test_attention_weights_of_all_layers(preset):
    net = model(preset)
    weights = attention_weights(net, ids())
    assert weights.shape == (2, net.config.layers, 4, 6, 6)
    assert not weights.requires_grad and (weights.triu(1) == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    first = net.blocks[0].attention
    rotation = None
    if net.config.positions == "rotary":
        rotation = cos_sin(torch.arange(6), net.config.dim)
    _, expected = first.part.with_weights(
        first.norm(net.embed(ids())), causal_mask(6), rotation=rotation
    )
    torch.testing.assert_close(weights[:, 0], expected)


def test_attention_weights_of_a_model_of_attention_alone():
    torch.manual_seed(0)
    net = AttentionOnly(11, width=16, heads=4, layers=2, rotary=True)
    weights = attention_weights(net, ids())
    assert weights.shape == (2, 2, 4, 6, 6) and not weights.requires_grad
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 4, 6))
    assert (weights.triu(1) == 0).all()
    x = net.norms[0](net.embed(ids()))
    rotation = cos_sin(torch.arange(6), dim=4)
    _, first = net.layers[0].with_weights(x, causal_mask(6), rotation=rotation)
    torch.testing.assert_close(weights[:, 0], first)


def test_a_model_without_attention_has_no_weights(net):
    with pytest.raises(ValueError, match="must have attention, found none"):
        attention_weights(net, torch.randn(5, 3))


@pytest.mark.parametrize("residual", ["pre", "post"])
def test_the_stream_after_each_part(residual):
    net = model("llama2", residual=residual, dropout=0.5, layers=2).train()
    stream = residual_stream(net, ids())
    assert list(stream) == [
        "embed",
        "blocks.0.attention",
        "blocks.0.feed_forward",
        "blocks.1.attention",
        "blocks.1.feed_forward",
    ]
    assert net.training
    net.eval()
    assert stream["embed"].equal(net.embed(ids()))
    after = net.blocks[0].attention(
        stream["embed"],
        mask=causal_mask(6),
        rotation=cos_sin(torch.arange(6), net.config.dim),
    )
    torch.testing.assert_close(stream["blocks.0.attention"], after)
    last = list(stream.values())[-1]
    torch.testing.assert_close(net.norm(last), net.vectors(ids()))


@pytest.mark.parametrize("look", [attention_weights, residual_stream])
def test_each_part_keeps_the_mode_it_had(look):
    net = model("small", dropout=0.5).train()
    net.blocks[1].eval()
    before = [part.training for part in net.modules()]
    look(net, ids())
    assert [part.training for part in net.modules()] == before
    with pytest.raises(ValueError, match="ids must lie in"):
        look(net, ids() + 64)
    assert [part.training for part in net.modules()] == before


def test_a_compiled_model_shows_the_same():
    net = model("small")
    compiled = torch.compile(net, backend="eager")
    assert attention_weights(compiled, ids()).equal(attention_weights(net, ids()))
    assert list(residual_stream(compiled, ids())) == list(residual_stream(net, ids()))


def test_a_part_can_be_replaced_for_a_while(net):
    x, other = torch.randn(5, 3), torch.randn(5, 4)
    with replaced(net[0], other), evaluating(net):
        torch.testing.assert_close(net(x), net[2](other))
    assert net.training and not net[0]._forward_hooks
    with pytest.raises(RuntimeError, match="shapes"), replaced(net[0], x):
        net(x)
    assert not net[0]._forward_hooks
