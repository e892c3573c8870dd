"""The encoder against BERT and PyTorch's encoder; who sees whom."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from lib.inside.hooks import attention_weights, residual_stream
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.train import adamw, mask_tokens, train, windows
from tests.helpers.models import TINY

CLOSE = {"atol": 1e-5, "rtol": 0}
LIKE_BERT = replace(
    TINY,
    positions="learned",
    norm="layer",
    residual="post",
    feed_forward="gelu",
    bias=True,
    norm_eps=1e-12,
)
PARTS = {  # BERT's names and ours, within a block
    "attention.self.query": "attention.part.to_query",
    "attention.self.key": "attention.part.to_key",
    "attention.self.value": "attention.part.to_value",
    "attention.output.dense": "attention.part.to_output",
    "attention.output.LayerNorm": "attention.norm",
    "intermediate.dense": "feed_forward.part.to_hidden",
    "output.dense": "feed_forward.part.to_output",
    "output.LayerNorm": "feed_forward.norm",
}


def ids(batch=3, time=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(TINY.vocab, (batch, time), generator=generator)


def encoder(config=TINY, **changes):
    torch.manual_seed(0)
    return Encoder(replace(config, **{"init_std": 0.3, **changes})).eval()


def loud(module):
    torch.manual_seed(0)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.3)
    return module.eval()


def bert():
    config = BertConfig(
        vocab_size=LIKE_BERT.vocab,
        hidden_size=LIKE_BERT.width,
        num_attention_heads=LIKE_BERT.heads,
        num_hidden_layers=LIKE_BERT.layers,
        intermediate_size=LIKE_BERT.hidden,
        max_position_embeddings=LIKE_BERT.context,
        attn_implementation="eager",
    )
    return loud(BertForMaskedLM(config))


@torch.no_grad()
def like(theirs):
    """Our encoder with a BERT's weights, and its norm of the embedding put in."""
    ours, body = encoder(LIKE_BERT), theirs.bert
    names = body.embeddings
    ours.embed.tokens.weight.copy_(names.word_embeddings.weight)
    ours.embed.positions.vectors.copy_(
        names.position_embeddings.weight + names.token_type_embeddings.weight[0]
    )
    ours.embed.dropout = names.LayerNorm
    for block, layer in zip(ours.blocks, body.encoder.layer, strict=True):
        for name, mine in PARTS.items():
            state = layer.get_submodule(name).state_dict()
            block.get_submodule(mine).load_state_dict(state)
    return ours


@pytest.mark.parametrize("lengths", [None, [8, 5, 1]])
def test_equals_bert(lengths):
    theirs = bert()
    ours, real = like(theirs), torch.ones(3, 8)
    for row, length in zip(real, lengths or [8] * 3, strict=True):
        row[length:] = 0
    expected = theirs.bert(ids(), attention_mask=real).last_hidden_state
    found = ours.vectors(ids(), lengths)
    torch.testing.assert_close(found, expected, **CLOSE)
    scores = expected @ theirs.bert.embeddings.word_embeddings.weight.T
    torch.testing.assert_close(ours(ids(), lengths), scores, **CLOSE)


@torch.no_grad()
def test_equals_torchs_encoder_with_norms_before():
    options = {"dropout": 0.0, "activation": "gelu", "batch_first": True}
    layer = nn.TransformerEncoderLayer(16, 4, 24, norm_first=True, **options)
    theirs = loud(
        nn.TransformerEncoder(layer, 2, nn.LayerNorm(16), enable_nested_tensor=False)
    )
    ours = encoder(LIKE_BERT, residual="pre", norm_eps=1e-5)
    for block, other in zip(ours.blocks, theirs.layers, strict=True):
        attention, feed_forward = block.attention, block.feed_forward
        attend, digest = attention.part, feed_forward.part
        linears = (attend.to_query, attend.to_key, attend.to_value)
        whole = other.self_attn.in_proj_weight.chunk(3)
        shifts = other.self_attn.in_proj_bias.chunk(3)
        for linear, weight, bias in zip(linears, whole, shifts, strict=True):
            linear.load_state_dict({"weight": weight, "bias": bias})
        attend.to_output.load_state_dict(other.self_attn.out_proj.state_dict())
        digest.to_hidden.load_state_dict(other.linear1.state_dict())
        digest.to_output.load_state_dict(other.linear2.state_dict())
        attention.norm.load_state_dict(other.norm1.state_dict())
        feed_forward.norm.load_state_dict(other.norm2.state_dict())
    ours.norm.load_state_dict(theirs.norm.state_dict())
    padding = torch.arange(8) >= torch.tensor([8, 5, 1])[:, None]
    expected = theirs(ours.embed(ids()), src_key_padding_mask=padding)
    torch.testing.assert_close(ours.vectors(ids(), [8, 5, 1]), expected, **CLOSE)


@pytest.mark.parametrize("residual", ["pre", "post"])
def test_every_position_sees_every_other(residual):
    net, x = encoder(residual=residual), ids(batch=1)
    for changed in (0, 7):
        other = x.clone()
        other[0, changed] = (x[0, changed] + 1) % TINY.vocab
        moved = (net(other) - net(x)).abs().amax(dim=-1)[0]
        assert (moved > 1e-4).all()


def test_nobody_sees_padding():
    net, x = encoder(), ids()
    other = x.clone()
    other[1, 5:] = ids(seed=1)[1, 5:]
    for ask in (net, net.vectors):
        torch.testing.assert_close(
            ask(other, [8, 5, 8])[1, :5], ask(x, [8, 5, 8])[1, :5]
        )
        alone = ask(x[1:2, :5])
        torch.testing.assert_close(ask(x, [8, 5, 8])[1:2, :5], alone, **CLOSE)


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"3 sequences need a length each, got \[8\]"):
        encoder()(ids(), [8])
    with pytest.raises(ValueError, match=r"0\.\.8, got \[8, 9, 1\]"):
        encoder()(ids(), [8, 9, 1])


def test_it_has_a_gpts_weights_and_shows_itself_as_a_gpt_does():
    net = encoder()
    GPT(net.config).load_state_dict(net.state_dict())
    weights = attention_weights(net, ids())
    assert weights.shape == (3, 2, 4, 8, 8) and (weights > 0).all()
    last = list(residual_stream(net, ids()).values())[-1]
    torch.testing.assert_close(net.norm(last), net.vectors(ids()))


def test_it_learns_to_fill_gaps_from_both_sides():
    """In 0 1 2 3 4 0 1 ... the neighbors tell what is hidden; before and after."""
    net = encoder(vocab=6, width=32, init_std=0.1).train()
    batches = mask_tokens(windows(torch.arange(200) % 5, 16, 8), mask=5, vocab=5)
    losses = train(net, adamw(net, lr=0.01), batches, steps=150).losses
    assert sum(losses[-10:]) / 10 < 0.2 < 1 < losses[0]
