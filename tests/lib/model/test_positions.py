"""Positions: the published formulas, and what rotary positions promise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import (
    LlamaRotaryEmbedding,
    apply_rotary_pos_emb,
)

from lib.model.positions import Learned, Rotary, Sinusoidal, sinusoidal


@given(st.integers(1, 20), st.integers(1, 16).map(lambda half: 2 * half))
def test_sinusoidal_is_the_formula_of_the_paper(time, width):
    found = sinusoidal(time, width)
    for position in (0, time - 1):
        for i in (0, width // 2 - 1):
            angle = position / 10_000 ** (2 * i / width)
            assert found[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert found[position, 2 * i + 1] == pytest.approx(
                math.cos(angle), abs=1e-5
            )


def test_sinusoidal_module_adds():
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(Sinusoidal()(x) - x, sinusoidal(5, 8).expand(2, 5, 8))


def test_learned_positions_are_added_and_have_an_end():
    learned = Learned(context=4, width=8)
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(learned(x), x + learned.vectors[:3])
    with pytest.raises(ValueError, match="learned for 4 tokens, got 5"):
        learned(torch.randn(1, 5, 8))


def test_rotary_equals_llama():
    config = LlamaConfig(hidden_size=32, num_attention_heads=4)
    q, k = torch.randn(2, 2, 4, 50, 8)
    cos, sin = LlamaRotaryEmbedding(config)(q, torch.arange(50)[None])
    expected_q, expected_k = apply_rotary_pos_emb(q, k, cos, sin)
    torch.testing.assert_close(Rotary()(q), expected_q, atol=1e-5, rtol=0)
    torch.testing.assert_close(Rotary()(k), expected_k, atol=1e-5, rtol=0)


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 40), st.integers(0, 9))
def test_rotary_scores_depend_on_distance_alone(here, distance, shift, seed):
    torch.manual_seed(seed)
    q, k = torch.randn(2, 1, 1, 1, 16, dtype=torch.float64)
    turned_q = Rotary()(q.expand(1, 1, 101, 16))[0, 0]
    turned_k = Rotary()(k.expand(1, 1, 101, 16))[0, 0]
    first = turned_q[here + distance] @ turned_k[here]
    second = turned_q[here + distance + shift] @ turned_k[here + shift]
    torch.testing.assert_close(first, second, atol=1e-4, rtol=0)


def test_rotary_keeps_lengths_and_the_first_position():
    x = torch.randn(1, 2, 30, 8)
    turned = Rotary()(x)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="width must be even, got 7"):
        sinusoidal(4, 7)


def test_an_odd_rotary_dim_is_refused():
    with pytest.raises(ValueError, match="width must be even, got 5"):
        Rotary()(torch.randn(1, 1, 3, 5))
