"""Every public function in every type of numbers, under autocast, and for every id."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lib.inside.hooks import attention_weights, residual_stream
from lib.model.attention import MultiHeadAttention, scaled_dot_product, split_heads
from lib.model.attention_only import AttentionOnly
from lib.model.block import Block, DecoderBlock, NoResidual, PostNorm, PreNorm
from lib.model.embedding import Embedding
from lib.model.encoder import Encoder
from lib.model.feedforward import FEED_FORWARDS
from lib.model.gpt import GPT
from lib.model.masks import causal_mask, padding_mask
from lib.model.positions import Learned, cos_sin, rotate, sinusoidal
from tests.helpers.models import PRESETS

WIDTH, HEADS, TIME = 16, 4, 7
TYPES = {  # and how far from the same in float64 a result of size 1 may be
    torch.float64: 1e-9,
    torch.float32: 1e-4,
    torch.bfloat16: 0.1,
    torch.float16: 0.02,
}
KINDS = {
    "pre": PreNorm,
    "post": PostNorm,
    "none": NoResidual,
}


def vectors(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def ids(batch=2, time=TIME):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(64, (batch, time), generator=generator)


def attention(**options):
    return MultiHeadAttention(WIDTH, HEADS, **options)


def masks():
    return [None, causal_mask(TIME), padding_mask([TIME, 0], TIME)]


def gpt(preset, kind=GPT, **changes):
    loud = {"zero_output": False, "init_std": 0.1, "layers": 2, "width": 32}
    return kind(replace(PRESETS[preset], **{**loud, **changes}))


def in_stretches(model, tokens):
    """With a cache: a prompt, single tokens, and texts that are chosen in between."""
    cache = model.new_cache([0, 2])
    found = [model(tokens[:, :3], cache), model(tokens[:, 3:4], cache)]
    cache.select([1, 1])
    return torch.cat([*found, model(tokens[:, 4:], cache)], dim=1)[:, 2:]


def built(make):
    """A module whose weights are the same for every type, and show."""
    torch.manual_seed(0)
    module = make().double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return module.eval()


x, context = vectors(2, TIME, WIDTH), vectors(2, 5, WIDTH, seed=1)
rotation = cos_sin(torch.arange(TIME), WIDTH // HEADS)
MODULES = {  # what is made, and what is asked of it
    "attention": (attention, lambda part, x: part(x)),
    "grouped": (lambda: attention(kv_heads=2), lambda part, x: part(x)),
    "causal": (attention, lambda part, x: part(x, causal_mask(TIME))),
    "with_weights": (attention, lambda part, x: torch.cat(part.with_weights(x)[:1])),
    "cross": (attention, lambda part, x: part(x, context=context.to(x.dtype))),
    "rotary, normed": (
        lambda: attention(qk_norm=1e-5, bias=True),
        lambda part, x: part(x, causal_mask(TIME), rotation=rotation),
    ),
    "learned positions": (lambda: Learned(9, WIDTH), lambda part, x: part(x)),
    **{
        f"feed-forward {name}": (
            lambda make=make: make(WIDTH, 24, True),
            nn.Module.__call__,
        )
        for name, make in FEED_FORWARDS.items()
    },
    **{
        f"block {name}": (
            lambda kind=kind: Block(
                kind(attention(), nn.LayerNorm(WIDTH)),
                kind(FEED_FORWARDS["swiglu"](WIDTH, 24, False), nn.RMSNorm(WIDTH)),
            ),
            lambda part, x: part(x, causal_mask(TIME), rotation=rotation),
        )
        for name, kind in KINDS.items()
    },
    "decoder block": (
        lambda: DecoderBlock(
            *(PreNorm(attention(), nn.LayerNorm(WIDTH)) for _ in range(2)),
            PreNorm(FEED_FORWARDS["relu"](WIDTH, 24, False), nn.RMSNorm(WIDTH)),
        ),
        lambda part, x: part(x, context.to(x.dtype), causal_mask(TIME)),
    ),
}
MODELS = {
    "attention alone": (
        lambda: AttentionOnly(64, WIDTH, HEADS, layers=2, rotary=True),
        lambda model: model(ids()),
    ),
    "embedding": (lambda: Embedding(64, WIDTH, 9), lambda model: model(ids())),
    **{
        f"{preset}, {name}": (lambda preset=preset, kind=kind: gpt(preset, kind), ask)
        for preset in PRESETS
        for name, (kind, ask) in {
            "scores": (GPT, lambda model: model(ids())),
            "vectors": (GPT, lambda model: model.vectors(ids())),
            "cache": (GPT, lambda model: in_stretches(model, ids())),
            "encoder": (Encoder, lambda model: model(ids())),
            "padded": (Encoder, lambda model: model.vectors(ids(), [TIME, 3])[:, :3]),
            "weights": (GPT, lambda model: attention_weights(model, ids())),
            "stream": (
                GPT,
                lambda model: torch.stack([*residual_stream(model, ids()).values()]),
            ),
        }.items()
    },
}


def far(found, expected):
    """The largest difference, as a share of the largest number."""
    return (found.double() - expected).abs().max() / expected.abs().max()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", MODULES)
def test_parts_in_every_type(name, dtype):
    make, ask = MODULES[name]
    expected, part = ask(built(make), x), built(make).to(dtype)
    found = ask(part, x.to(dtype))
    assert found.dtype == dtype and far(found, expected) < TYPES[dtype]
    found.float().square().mean().backward()
    assert all(w.grad.isfinite().all() for w in part.parameters() if w.grad is not None)


@torch.no_grad()
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", MODELS)
def test_models_in_every_type(name, dtype):
    make, ask = MODELS[name]
    found, expected = ask(built(make).to(dtype)), ask(built(make))
    assert found.dtype == dtype and far(found, expected) < TYPES[dtype]


@torch.no_grad()
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", MODELS)
def test_models_under_autocast(name, half):
    make, ask = MODELS[name]
    expected, model = ask(built(make)), built(make).float()
    with torch.autocast("cpu", half):
        found = ask(model)
    assert far(found, expected) < TYPES[torch.bfloat16]


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_under_autocast(preset, half):
    model, expected = built(lambda: gpt(preset)).float(), built(lambda: gpt(preset))
    expected(ids()).logsumexp(-1).mean().backward()
    with torch.autocast("cpu", half):
        loss = model(ids()).float().logsumexp(-1).mean()
    loss.backward()
    assert all(weight.grad.dtype == torch.float32 for weight in model.parameters())
    found, right = (
        torch.cat([weight.grad.flatten() for weight in net.parameters()])
        for net in (model, expected)
    )
    assert far(found, right) < TYPES[torch.bfloat16]


@pytest.mark.parametrize("dtype", TYPES)
def test_functions_in_every_type(dtype):
    heads = split_heads(x, HEADS)
    for mask in masks():
        expected = scaled_dot_product(heads, heads, heads, mask)
        narrow = heads.to(dtype)
        found = scaled_dot_product(narrow, narrow, narrow, mask)
        for mine, other in zip(found, expected, strict=True):
            assert mine.dtype == dtype and far(mine, other) < TYPES[dtype]
    angles = cos_sin(torch.arange(TIME), WIDTH)
    found, expected = rotate(x.to(dtype), *angles), rotate(x, *angles)
    assert found.dtype == dtype and far(found, expected) < TYPES[dtype]
    assert sinusoidal(TIME, WIDTH).dtype == torch.float32


# --- ids


INTEGERS = [
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.int8,
    torch.int16,
    torch.int32,
]


@torch.no_grad()
@pytest.mark.parametrize("dtype", INTEGERS)
def test_ids_of_any_type_of_whole_numbers(dtype):
    model, encoder = gpt("small"), gpt("small", Encoder)
    alone = AttentionOnly(64, WIDTH, HEADS, layers=1)
    for each in (model, model.vectors, encoder, alone):
        assert each(ids().to(dtype)).equal(each(ids()))
    whole = [model(ids()[:, :5], model.new_cache([0, 0])), model(ids()[:, :5])]
    torch.testing.assert_close(*whole)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_no_ids_at_all_are_refused(shape):
    nothing = torch.zeros(shape, dtype=torch.long)
    model = gpt("small")
    alone = AttentionOnly(64, WIDTH, HEADS, layers=1)
    for ask in (model, model.vectors, gpt("small", Encoder), alone):
        with pytest.raises(ValueError, match=rf"ids must be .* got \({shape[0]}, "):
            ask(nothing)
    cache = model.new_cache([0, 0])
    with pytest.raises(ValueError, match="ids must be"):
        model(nothing, cache)
    assert cache.seen == 0


@pytest.mark.parametrize("wrong", [64, -1])
def test_ids_outside_the_vocabulary_are_refused(wrong):
    outside = ids().clone()
    outside[1, 2] = wrong
    alone = AttentionOnly(64, WIDTH, HEADS, layers=1)
    for ask in (gpt("gpt2"), gpt("small", Encoder), alone, Embedding(64, WIDTH)):
        with pytest.raises(ValueError, match=r"ids must lie in 0\.\.63, got"):
            ask(outside)


def test_a_mask_beside_a_cache_is_refused():
    model = gpt("small")
    with pytest.raises(ValueError, match="makes its own mask"):
        model.vectors(ids(1), model.new_cache(), causal_mask(TIME))
