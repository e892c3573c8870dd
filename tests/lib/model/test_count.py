"""Counts by formula equal counts by enumeration, part by part."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from lib.model import count
from lib.model.config import GPT2, LLAMA2, SMALL, GPTConfig
from lib.model.gpt import GPT
from lib.train import next_token_loss
from tests.helpers.models import PRESETS, configs


def part_of(name):
    """The part of the model that a weight or a module belongs to."""
    for part in ("embed.", "norm", "attention.part", "feed_forward.part", "unembed"):
        if part in name and not (part == "embed." and "unembed" in name):
            return {"embed.": "embedding"}.get(part, part.removesuffix(".part"))
    raise AssertionError(name)


def enumerated(model):
    sizes = Counter()
    for name, weight in model.named_parameters():
        sizes[part_of(name)] += weight.numel()
    return sizes


def on_no_device(config):
    with torch.device("meta"):
        return GPT(config)


@given(configs)
def test_parameters_by_formula_are_those_there_are(config):
    expected = enumerated(on_no_device(config))
    assert Counter(count.parameters(config)) == expected


@given(configs, st.integers(1, 3), st.integers(1, 8))
def test_flops_by_formula_are_those_there_are(config, batch, time):
    model = on_no_device(config)
    ids = torch.zeros(batch, time, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        model(ids)
    assert sum(count.flops(config, batch, time).values()) == counter.get_total_flops()


@pytest.mark.parametrize("preset", PRESETS)
def test_flops_part_by_part(preset):
    config, seen = PRESETS[preset], Counter()
    model = on_no_device(config)
    with FlopCounterMode(display=False, depth=4) as counter:
        model(torch.zeros(2, 8, dtype=torch.long, device="meta"))
    for module, found in counter.get_flop_counts().items():
        if module.endswith((".part", "unembed")):
            seen[part_of(module)] += sum(found.values())
    assert seen == Counter(count.flops(config, 2, 8))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_training_step_is_three_forward_passes(preset):
    config = PRESETS[preset]
    model, ids = on_no_device(config), torch.zeros(2, 8, dtype=torch.long)
    ids = ids.to("meta")
    with FlopCounterMode(display=False) as counter:
        next_token_loss(model(ids), ids).backward()
    forward = sum(count.flops(config, 2, 8).values())
    assert counter.get_total_flops() == 3 * forward


def test_the_smallest_gpt2_has_its_published_size():
    assert sum(count.parameters(GPT2).values()) == 124_439_808
    with torch.device("meta"):
        published = GPT2LMHeadModel(GPT2Config()).num_parameters()
    assert sum(enumerated(on_no_device(GPT2)).values()) == published == 124_439_808


@pytest.mark.parametrize(
    "config, size, theirs",
    [
        (LLAMA2, 6_738_415_616, {"max_position_embeddings": 4096}),
        (  # TinyLlama 1.1B
            replace(LLAMA2, width=2048, layers=22, kv_heads=4, hidden=5632),
            1_100_048_384,
            {
                "hidden_size": 2048,
                "num_hidden_layers": 22,
                "num_key_value_heads": 4,
                "intermediate_size": 5632,
            },
        ),
    ],
)
def test_llamas_have_their_published_sizes(config, size, theirs):
    assert sum(count.parameters(config).values()) == size
    with torch.device("meta"):
        published = LlamaForCausalLM(LlamaConfig(**theirs)).num_parameters()
    assert sum(enumerated(on_no_device(config)).values()) == published == size


def test_the_books_own_fits_half_a_minute():
    assert sum(count.parameters(SMALL).values()) == 656_768
    step = 3 * sum(count.flops(SMALL, batch=12, time=64).values())
    assert step < 5e9  # a tenth of a second at 50 billion operations a second


def test_counts_by_hand():
    config = GPTConfig(vocab=5, context=4, width=2, layers=1, heads=1, hidden=3)
    assert count.parameters(config) == {
        "embedding": 10,
        "attention": 16,
        "feed_forward": 18,
        "norm": 6,
        "unembed": 0,
    }
    assert count.flops(config, batch=1, time=4) == {
        "embedding": 0,
        "attention": 2 * 4 * 16 + 2 * 2 * 4 * 4 * 2,  # projections; scores and mix
        "feed_forward": 2 * 4 * 18,
        "norm": 0,
        "unembed": 2 * 4 * 10,
    }
