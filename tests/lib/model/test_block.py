"""Blocks against PyTorch's encoder and decoder layers and BERT's encoder."""

from functools import partial

import pytest
import torch
from torch import nn
from transformers import BertConfig, LlamaConfig
from transformers.models.bert.modeling_bert import BertEncoder, BertLayer
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from lib.model.attention import MultiHeadAttention
from lib.model.block import Block, DecoderBlock, NoResidual, PostNorm, PreNorm
from lib.model.feedforward import FEED_FORWARDS, FeedForward
from lib.model.masks import causal_mask, combine_masks, padding_mask
from lib.model.positions import cos_sin

CLOSE = {"atol": 1e-5, "rtol": 0}
WIDTH, HEADS, HIDDEN = 24, 4, 60
SUBLAYERS = {True: PreNorm, False: PostNorm}  # by the name `norm_first` of PyTorch
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


def loud(module, seed=0):
    """Weights of a size at which a mistake cannot hide, biases and norms included."""
    torch.manual_seed(seed)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.3)
    return module


def sublayer(kind, part, eps=1e-5, dropout=0.0):
    return kind(part, nn.LayerNorm(WIDTH, eps=eps), dropout)


def attention_sublayer(kind, **options):
    return sublayer(kind, MultiHeadAttention(WIDTH, HEADS, bias=True), **options)


def feed_forward_sublayer(kind, activation=nn.ReLU, **options):
    part = FeedForward(WIDTH, HIDDEN, bias=True, activation=activation)
    return sublayer(kind, part, **options)


@torch.no_grad()
def copy_attention(ours, theirs):
    layers = (ours.to_query, ours.to_key, ours.to_value)
    weights, biases = theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3)
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    ours.to_output.load_state_dict(theirs.out_proj.state_dict())


def copy_norms(sublayers, theirs):
    for ours, norm in zip(sublayers, theirs, strict=True):
        ours.norm.load_state_dict(norm.state_dict())


def copy_feed_forward(ours, theirs):
    ours.to_hidden.load_state_dict(theirs.linear1.state_dict())
    ours.to_output.load_state_dict(theirs.linear2.state_dict())


# --- parity


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("masked", [True, False])
def test_equals_torchs_encoder_layer(norm_first, activation, masked):
    options = {"activation": activation, "norm_first": norm_first, "batch_first": True}
    theirs = loud(
        nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, **options)
    )
    kind = SUBLAYERS[norm_first]
    ours = Block(
        attention_sublayer(kind), feed_forward_sublayer(kind, ACTIVATIONS[activation])
    )
    copy_attention(ours.attention.part, theirs.self_attn)
    copy_feed_forward(ours.feed_forward.part, theirs)
    copy_norms([ours.attention, ours.feed_forward], [theirs.norm1, theirs.norm2])

    x, padding = torch.randn(3, 7, WIDTH), padding_mask([7, 5, 1], 7)
    mask = combine_masks(causal_mask(7), padding) if masked else None
    expected = theirs(
        x,
        src_mask=~causal_mask(7)[0, 0] if masked else None,
        src_key_padding_mask=~padding[:, 0, 0] if masked else None,
    )
    torch.testing.assert_close(ours(x, mask), expected, **CLOSE)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_equals_torchs_decoder_layer(norm_first, masked):
    options = {"norm_first": norm_first, "batch_first": True}
    theirs = loud(
        nn.TransformerDecoderLayer(WIDTH, HEADS, HIDDEN, dropout=0.0, **options)
    )
    kind = SUBLAYERS[norm_first]
    ours = DecoderBlock(
        attention_sublayer(kind), attention_sublayer(kind), feed_forward_sublayer(kind)
    )
    copy_attention(ours.attention.part, theirs.self_attn)
    copy_attention(ours.cross_attention.part, theirs.multihead_attn)
    copy_feed_forward(ours.feed_forward.part, theirs)
    copy_norms(
        [ours.attention, ours.cross_attention, ours.feed_forward],
        [theirs.norm1, theirs.norm2, theirs.norm3],
    )

    x, context = torch.randn(3, 5, WIDTH), torch.randn(3, 8, WIDTH)
    padding = padding_mask([8, 6, 1], 8)
    expected = theirs(
        x,
        context,
        tgt_mask=~causal_mask(5)[0, 0] if masked else None,
        memory_key_padding_mask=~padding[:, 0, 0] if masked else None,
    )
    masks = (causal_mask(5), padding) if masked else (None, None)
    torch.testing.assert_close(ours(x, context, *masks), expected, **CLOSE)


def bert_config():
    return BertConfig(
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        num_hidden_layers=3,
        intermediate_size=HIDDEN,
        attn_implementation="eager",
    )


def like_bert(theirs):
    """Our block with the weights of a BertLayer."""
    options = {"eps": theirs.output.LayerNorm.eps}
    ours = Block(
        attention_sublayer(PostNorm, **options),
        feed_forward_sublayer(PostNorm, nn.GELU, **options),
    )
    attention = theirs.attention
    pairs = {
        ours.attention.part.to_query: attention.self.query,
        ours.attention.part.to_key: attention.self.key,
        ours.attention.part.to_value: attention.self.value,
        ours.attention.part.to_output: attention.output.dense,
        ours.attention.norm: attention.output.LayerNorm,
        ours.feed_forward.part.to_hidden: theirs.intermediate.dense,
        ours.feed_forward.part.to_output: theirs.output.dense,
        ours.feed_forward.norm: theirs.output.LayerNorm,
    }
    for mine, other in pairs.items():
        mine.load_state_dict(other.state_dict())
    return ours


def additive(mask):
    """BERT's masks: 0 where a query may look, minus infinity elsewhere."""
    return torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)


def test_equals_berts_layer():
    theirs = loud(BertLayer(bert_config())).eval()
    x, mask = torch.randn(3, 7, WIDTH), padding_mask([7, 5, 1], 7)
    expected = theirs(x, attention_mask=additive(mask))[0]
    torch.testing.assert_close(like_bert(theirs)(x, mask), expected, **CLOSE)


def test_equals_berts_encoder():
    theirs = loud(BertEncoder(bert_config())).eval()
    x, mask = torch.randn(3, 7, WIDTH), padding_mask([7, 5, 1], 7)
    expected = theirs(x, attention_mask=additive(mask)).last_hidden_state
    for layer in theirs.layer:
        x = like_bert(layer)(x, mask)
    torch.testing.assert_close(x, expected, **CLOSE)


def test_torchs_rms_norm_is_that_of_llama():
    config = LlamaConfig(hidden_size=WIDTH, rms_norm_eps=0.01)
    theirs = loud(LlamaRMSNorm(WIDTH, eps=config.rms_norm_eps))
    ours = nn.RMSNorm(WIDTH, eps=0.01)
    ours.load_state_dict(theirs.state_dict())
    x = 0.1 * torch.randn(2, 5, WIDTH)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


# --- properties


class Halve(nn.Module):
    def forward(self, x):
        return x / 2


def test_sublayers_by_hand():
    x = torch.tensor([[[3.0, 1.0]]])
    norm = nn.LayerNorm(2, eps=0.0)  # of two numbers: the larger 1, the smaller -1
    for kind, expected in (
        (PreNorm, [3.5, 0.5]),
        (PostNorm, [1.0, -1.0]),
        (NoResidual, [0.5, -0.5]),
    ):
        assert kind(Halve(), norm)(x).tolist() == [[expected]]


def test_parts_that_write_nothing_leave_a_pre_norm_stream_alone():
    x = torch.randn(2, 5, WIDTH)
    block = Block(attention_sublayer(PreNorm), feed_forward_sublayer(PreNorm))
    for part in (block.attention.part, block.feed_forward.part):
        nn.init.zeros_(part.to_output.weight)
        nn.init.zeros_(part.to_output.bias)
    assert block(x).equal(x)


@pytest.mark.parametrize("kind", [PreNorm, NoResidual])
def test_dropout_zeroes_what_a_part_writes_and_not_the_stream(kind):
    torch.manual_seed(0)
    x = torch.randn(40, 50, WIDTH)
    whole = sublayer(kind, Halve()).train()
    torn = sublayer(kind, Halve(), dropout=0.25).train()
    stream = x if kind is PreNorm else torch.zeros_like(x)
    kept = (torn(x) - stream) / (whole(x) - stream)  # 0, or 1 / (1 - 0.25)
    dropped = kept.abs() < 1e-3
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close(
        kept[~dropped], torch.full_like(kept[~dropped], 4 / 3), atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("kind", [PreNorm, PostNorm])
def test_dropout_is_off_outside_training(kind):
    block = Block(attention_sublayer(kind, dropout=0.5), feed_forward_sublayer(kind))
    x = torch.randn(2, 5, WIDTH)
    assert not block.train()(x).equal(block(x))
    assert block.eval()(x).equal(block(x))


def test_a_rotation_tells_both_blocks_the_order():
    torch.manual_seed(0)
    parts = [attention_sublayer(PreNorm) for _ in range(2)]
    whole = Block(parts[0], nn.Identity())
    decoder = DecoderBlock(*parts, nn.Identity())
    x, context = torch.randn(1, 5, WIDTH), torch.randn(1, 3, WIDTH)
    order = [2, 0, 1, 3, 4]
    rotation = cos_sin(torch.arange(5), WIDTH // HEADS)
    for ask in (whole, partial(decoder, context=context)):
        blind, seeing = ask(x), ask(x, rotation=rotation)
        torch.testing.assert_close(ask(x[:, order])[:, -1], blind[:, -1])
        moved = ask(x[:, order], rotation=rotation)[:, -1]
        assert (moved - seeing[:, -1]).abs().max() > 1e-3


def test_a_block_takes_any_parts():
    x = torch.randn(2, 5, WIDTH)
    for make in FEED_FORWARDS.values():
        digest = PreNorm(make(WIDTH, HIDDEN, False), nn.RMSNorm(WIDTH))
        assert Block(attention_sublayer(PreNorm), digest)(x).shape == x.shape
    assert Block(attention_sublayer(PreNorm), nn.Identity())(x).shape == x.shape
