"""Attention against references that no one here wrote, and its defining properties."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import GPT2Config, LlamaConfig, Qwen3Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Attention
from transformers.models.llama.modeling_llama import (
    LlamaAttention,
    LlamaRotaryEmbedding,
)
from transformers.models.qwen3.modeling_qwen3 import (
    Qwen3Attention,
    Qwen3RotaryEmbedding,
)

from lib.model.attention import MultiHeadAttention, scaled_dot_product, split_heads
from lib.model.masks import causal_mask, combine_masks, padding_mask
from lib.model.positions import cos_sin

CLOSE = {"atol": 1e-5, "rtol": 0}
ROTATION = cos_sin(torch.arange(9), dim=8)
sizes = st.tuples(*[st.integers(1, 3)] * 2, st.integers(1, 7), st.integers(1, 7))


def draw(*shape, seed=0, many=3):
    return torch.randn(many, *shape, generator=torch.Generator().manual_seed(seed))


def additive(mask, dtype=torch.float32):
    """Other libraries' masks: 0 where a query may look, minus infinity elsewhere."""
    return torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, -torch.inf)


def copy_linear(ours, weight, bias=None):
    with torch.no_grad():
        ours.weight.copy_(weight)
        if bias is not None:
            ours.bias.copy_(bias)


# --- parity


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_attention_equals_torch(dtype, masked):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(24, 4, batch_first=True, dtype=dtype)
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours = MultiHeadAttention(24, heads=4, bias=True).to(dtype)
    parts = zip(
        theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
    )
    layers = (ours.to_query, ours.to_key, ours.to_value)
    for layer, (weight, bias) in zip(layers, parts, strict=True):
        copy_linear(layer, weight, bias)
    copy_linear(ours.to_output, theirs.out_proj.weight, theirs.out_proj.bias)

    x = torch.randn(3, 7, 24, dtype=dtype)
    lengths = [7, 5, 1]
    mask = combine_masks(causal_mask(7), padding_mask(lengths, 7)) if masked else None
    padding = ~padding_mask(lengths, 7)[:, 0, 0] if masked else None
    expected, expected_weights = theirs(
        x,
        x,
        x,
        attn_mask=~causal_mask(7)[0, 0] if masked else None,
        key_padding_mask=padding,
        average_attn_weights=False,
    )
    found, weights = ours.with_weights(x, mask)
    torch.testing.assert_close(found, expected, **CLOSE)
    torch.testing.assert_close(weights, expected_weights, **CLOSE)
    torch.testing.assert_close(ours(x, mask), expected, **CLOSE)


def test_cross_attention_equals_torch():
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(24, 4, batch_first=True, bias=False)
    ours = MultiHeadAttention(24, heads=4)
    layers = (ours.to_query, ours.to_key, ours.to_value)
    for layer, weight in zip(layers, theirs.in_proj_weight.chunk(3), strict=True):
        copy_linear(layer, weight)
    copy_linear(ours.to_output, theirs.out_proj.weight)
    x, context = torch.randn(2, 5, 24), torch.randn(2, 9, 24)
    expected, _ = theirs(x, context, context)
    torch.testing.assert_close(ours(x, context=context), expected, **CLOSE)


def test_equals_the_attention_of_gpt2():
    config = GPT2Config(n_embd=32, n_head=4, attn_implementation="eager")
    torch.manual_seed(0)
    theirs = GPT2Attention(config, layer_idx=0).eval()
    nn.init.normal_(theirs.c_attn.bias)
    ours = MultiHeadAttention(32, heads=4, bias=True)
    weights, biases = theirs.c_attn.weight.T.chunk(3), theirs.c_attn.bias.chunk(3)
    layers = (ours.to_query, ours.to_key, ours.to_value)
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        copy_linear(layer, weight, bias)
    copy_linear(ours.to_output, theirs.c_proj.weight.T, theirs.c_proj.bias)
    x, mask = torch.randn(2, 9, 32), causal_mask(9)
    expected = theirs(x, attention_mask=additive(mask))[0]
    torch.testing.assert_close(ours(x, mask), expected, **CLOSE)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_equals_the_attention_of_llama(kv_heads):
    config = LlamaConfig(
        hidden_size=32,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        attn_implementation="eager",
    )
    torch.manual_seed(0)
    theirs = LlamaAttention(config, layer_idx=0).eval()
    ours = MultiHeadAttention(32, heads=4, kv_heads=kv_heads)
    copy_linear(ours.to_query, theirs.q_proj.weight)
    copy_linear(ours.to_key, theirs.k_proj.weight)
    copy_linear(ours.to_value, theirs.v_proj.weight)
    copy_linear(ours.to_output, theirs.o_proj.weight)
    x, mask = torch.randn(2, 9, 32), causal_mask(9)
    turns = LlamaRotaryEmbedding(config)(x, torch.arange(9)[None])
    expected = theirs(x, position_embeddings=turns, attention_mask=additive(mask))[0]
    torch.testing.assert_close(ours(x, mask, rotation=ROTATION), expected, **CLOSE)


def test_equals_the_attention_of_qwen3_with_its_norm_of_queries_and_keys():
    config = Qwen3Config(
        hidden_size=32,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        attn_implementation="eager",
        rms_norm_eps=1e-3,
    )
    torch.manual_seed(0)
    theirs = Qwen3Attention(config, layer_idx=0).eval()
    nn.init.normal_(theirs.q_norm.weight)
    nn.init.normal_(theirs.k_norm.weight)
    ours = MultiHeadAttention(32, heads=4, kv_heads=2, qk_norm=config.rms_norm_eps)
    copy_linear(ours.to_query, theirs.q_proj.weight)
    copy_linear(ours.to_key, theirs.k_proj.weight)
    copy_linear(ours.to_value, theirs.v_proj.weight)
    copy_linear(ours.to_output, theirs.o_proj.weight)
    copy_linear(ours.norm_query, theirs.q_norm.weight)
    copy_linear(ours.norm_key, theirs.k_norm.weight)
    x, mask = 0.1 * torch.randn(2, 9, 32), causal_mask(9)
    turns = Qwen3RotaryEmbedding(config)(x, torch.arange(9)[None])
    expected = theirs(x, position_embeddings=turns, attention_mask=additive(mask))[0]
    torch.testing.assert_close(ours(x, mask, rotation=ROTATION), expected, **CLOSE)


# --- the readable version, and the one of PyTorch that the layer calls


def fused(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


BACKENDS = [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(size=sizes, seed=st.integers(0, 9), masked=st.booleans())
def test_fused_equals_readable(backend, dtype, size, seed, masked):
    """Rows that may look nowhere included, and what each number's gradient is."""
    batch, head, query, key = size
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(batch, head, query, 8, dtype=dtype, generator=generator)
    k, v = torch.randn(2, batch, head, key, 8, dtype=dtype, generator=generator)
    inputs = [part.requires_grad_() for part in (q, k, v)]
    mask = None
    if masked:
        mask = torch.rand(batch, 1, query, key, generator=generator) > 0.4
    readable, _ = scaled_dot_product(q, k, v, mask)
    with sdpa_kernel(backend):
        found = fused(q, k, v, mask)
    torch.testing.assert_close(found, readable, atol=1e-6, rtol=1e-5)
    if mask is None or mask.any(-1).all():  # by hand, an empty row's gradient is NaN
        slopes = [torch.autograd.grad(y.sum(), inputs) for y in (found, readable)]
        torch.testing.assert_close(*slopes, atol=1e-5, rtol=1e-4)
    else:
        assert all(s.isfinite().all() for s in torch.autograd.grad(found.sum(), inputs))


# --- properties


@given(sizes, st.integers(0, 9))
def test_rows_sum_to_one(size, seed):
    batch, head, query, key = size
    q = draw(batch, head, query, 4, seed=seed, many=1)[0]
    k, v = draw(batch, head, key, 4, seed=seed + 1, many=2)
    _, weights = scaled_dot_product(q, k, v)
    torch.testing.assert_close(weights.sum(-1), torch.ones(batch, head, query))
    assert (weights >= 0).all()


@given(st.integers(1, 8), st.integers(0, 9), st.data())
def test_causal_output_ignores_the_future(time, seed, data):
    t = data.draw(st.integers(0, time - 1))
    torch.manual_seed(seed)
    layer = MultiHeadAttention(16, heads=4, kv_heads=2)
    rotation = cos_sin(torch.arange(time), dim=4)
    x = torch.randn(1, time, 16)
    changed = x.clone()
    changed[:, t + 1 :] += torch.randn(1, time - t - 1, 16) * 100
    mask = causal_mask(time)
    before = layer(x, mask, rotation=rotation)[:, : t + 1]
    after = layer(changed, mask, rotation=rotation)[:, : t + 1]
    torch.testing.assert_close(before, after)


@given(st.integers(1, 8), st.integers(0, 9))
def test_permuting_keys_and_values_changes_nothing(key, seed):
    q, (k, v) = draw(2, 3, 5, 4, seed=seed)[0], draw(2, 3, key, 4, seed=seed, many=2)
    order = torch.randperm(key, generator=torch.Generator().manual_seed(seed))
    expected, _ = scaled_dot_product(q, k, v)
    found, _ = scaled_dot_product(q, k[:, :, order], v[:, :, order])
    torch.testing.assert_close(found, expected)


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 9))
def test_padding_changes_nothing(length, padding, seed):
    torch.manual_seed(seed)
    layer = MultiHeadAttention(16, heads=2)
    x = torch.randn(1, length, 16)
    longer = torch.cat([x, torch.randn(1, padding, 16) * 50], dim=1)
    mask = padding_mask([length], length + padding)
    rotation = cos_sin(torch.arange(length + padding), dim=8)
    shorter = [part[:length] for part in rotation]
    found = layer(longer, mask, rotation=rotation)[:, :length]
    torch.testing.assert_close(found, layer(x, rotation=tuple(shorter)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("attend", [scaled_dot_product, fused])
def test_half_precision_stays_finite(dtype, attend):
    q, k, v = (10 * draw(2, 2, 32, 64)).to(dtype)
    mask = combine_masks(causal_mask(32), padding_mask([32, 20], 32))
    mask[0, :, 3] = False
    found = attend(q, k, v, mask)
    mixed = found[0] if isinstance(found, tuple) else found
    assert mixed.dtype == dtype
    assert mixed.isfinite().all()


@pytest.mark.parametrize("attend", [scaled_dot_product, fused])
def test_a_query_that_may_look_nowhere_gets_zeros(attend):
    q, k, v = draw(1, 2, 3, 4).requires_grad_()
    mask = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    mask[..., 1, :] = False
    found = attend(q, k, v, mask)
    mixed = found[0] if isinstance(found, tuple) else found
    assert (mixed[:, :, 1] == 0).all()
    assert (mixed[:, :, [0, 2]] != 0).all()
    if isinstance(found, tuple):
        assert (found[1][:, :, 1] == 0).all()


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("attend", [scaled_dot_product, fused])
def test_a_nan_stays_visible(attend, place):
    parts = list(draw(1, 1, 3, 4))
    parts[place][0, 0, 1, 2] = torch.nan
    found = attend(*parts, causal_mask(3))
    mixed = found[0] if isinstance(found, tuple) else found
    assert mixed.isnan().any()


def test_one_kv_head_for_all_shares_keys_and_values():
    layer = MultiHeadAttention(16, heads=4, kv_heads=1)
    q, k, v = layer.project(torch.randn(2, 3, 16))
    assert q.shape == k.shape == v.shape == (2, 4, 3, 4)
    assert (k == k[:, :1]).all() and (v == v[:, :1]).all()


# --- bad input


@pytest.mark.parametrize(
    "heads, kv_heads", [(5, None), (0, None), (4, 3), (4, 0), (4, 8)]
)
def test_heads_that_do_not_divide_are_refused(heads, kv_heads):
    with pytest.raises(ValueError, match=r"must divide .* got (kv_)?heads="):
        MultiHeadAttention(16, heads, kv_heads)


def test_a_rotation_beside_a_context_is_refused():
    x, layer = torch.randn(1, 9, 32), MultiHeadAttention(32, heads=4)
    for ask in (layer, layer.with_weights):
        with pytest.raises(ValueError, match="positions of its own"):
            ask(x, context=x, rotation=ROTATION)


def test_split_heads_keeps_each_tokens_numbers_together():
    x = torch.arange(12.0).view(1, 2, 6)
    assert split_heads(x, 3)[0, 1].tolist() == [[2, 3], [8, 9]]


@pytest.mark.parametrize("kv_heads", [4, 2])
def test_causal_is_the_causal_mask_without_a_mask(kv_heads):
    torch.manual_seed(0)
    layer = MultiHeadAttention(32, heads=4, kv_heads=kv_heads)
    x = torch.randn(2, 9, 32)
    rotation = cos_sin(torch.arange(9), dim=8)
    expected = layer(x, causal_mask(9), rotation=rotation)
    found, weights = layer.with_weights(x, rotation=rotation, causal=True)
    torch.testing.assert_close(layer(x, rotation=rotation, causal=True), expected)
    torch.testing.assert_close(found, expected)
    assert not weights.triu(1).any()


def test_causal_beside_a_mask_is_refused():
    layer = MultiHeadAttention(8, heads=2)
    for ask in (layer, layer.with_weights):
        with pytest.raises(ValueError, match="causal stands for a mask of its own"):
            ask(torch.randn(1, 3, 8), causal_mask(3), causal=True)
