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

from lib.model.positions import (
    Learned,
    cos_sin,
    packed_positions,
    rotate,
    sinusoidal,
)


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


def test_learned_positions_are_added_and_have_an_end():
    learned = Learned(context=4, width=8)
    x = torch.randn(2, 3, 8)
    torch.testing.assert_close(learned(x), x + learned.vectors[:3])
    with pytest.raises(ValueError, match="learned for 4 tokens, got 5"):
        learned(torch.randn(1, 5, 8))


def test_learned_positions_can_be_given():
    learned, x = Learned(context=4, width=8), torch.randn(2, 3, 8)
    places = torch.tensor([[0, 0, 1], [1, 2, 3]])
    torch.testing.assert_close(learned(x, places), x + learned.vectors[places])


def test_a_position_past_the_last_one_is_refused():
    learned, x = Learned(context=4, width=8), torch.randn(1, 2, 8)
    with pytest.raises(ValueError, match=r"positions must lie in 0\.\.3, got 1\.\.4"):
        learned(x, torch.tensor([[1, 4]]))


def test_packed_positions_begin_anew_with_each_text():
    parts = torch.tensor([[0, 0, 0, 1, 1, 2], [4, 5, 5, 5, 5, 5]])
    found = packed_positions(parts)
    assert found.tolist() == [[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 3, 4]]
    assert packed_positions(parts[:, :1]).tolist() == [[0], [0]]


def test_rotary_positions_equal_llama():
    config = LlamaConfig(hidden_size=32, num_attention_heads=4)
    q, k = torch.randn(2, 2, 4, 50, 8)
    theirs = LlamaRotaryEmbedding(config)(q, torch.arange(50)[None])
    expected_q, expected_k = apply_rotary_pos_emb(q, k, *theirs)
    ours = cos_sin(torch.arange(50), dim=8)
    torch.testing.assert_close(rotate(q, *ours), expected_q, atol=1e-5, rtol=0)
    torch.testing.assert_close(rotate(k, *ours), expected_k, atol=1e-5, rtol=0)


def test_every_text_may_have_positions_of_its_own():
    x, places = torch.randn(2, 4, 3, 8), torch.tensor([[0, 1, 2], [7, 9, 8]])
    found = rotate(x, *cos_sin(places[:, None], dim=8))
    for text in range(2):
        expected = rotate(x[text], *cos_sin(places[text], dim=8))
        torch.testing.assert_close(found[text], expected)


@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 40), st.integers(0, 9))
def test_rotary_scores_depend_on_distance_alone(here, distance, shift, seed):
    torch.manual_seed(seed)
    q, k = torch.randn(2, 1, 16, dtype=torch.float64)
    rotation = cos_sin(torch.arange(101), dim=16)
    turned_q = rotate(q.expand(101, 16), *rotation)
    turned_k = rotate(k.expand(101, 16), *rotation)
    first = turned_q[here + distance] @ turned_k[here]
    second = turned_q[here + distance + shift] @ turned_k[here + shift]
    torch.testing.assert_close(first, second, atol=1e-4, rtol=0)


def test_rotation_keeps_lengths_and_the_first_position():
    x = torch.randn(1, 2, 30, 8)
    turned = rotate(x, *cos_sin(torch.arange(30), dim=8))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_angles_do_not_depend_on_the_default_type(dtype):
    """In bfloat16, 256 and 257 would be one position."""
    places = torch.tensor([256, 257, 60_000])
    expected = cos_sin(places, dim=8)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = cos_sin(places, dim=8)
        waves = sinusoidal(258, 8)
    finally:
        torch.set_default_dtype(before)
    assert all(x.equal(y) for x, y in zip(found, expected, strict=True))
    assert not found[0][0].equal(found[0][1]) and not waves[256].equal(waves[257])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_what_is_turned_keeps_its_type(dtype):
    x = torch.randn(5, 8, dtype=dtype)
    assert rotate(x, *cos_sin(torch.arange(5), dim=8)).dtype == dtype


def test_an_odd_width_is_refused():
    with pytest.raises(ValueError, match=r"width.* must be even, .*got 7"):
        sinusoidal(4, 7)
    with pytest.raises(ValueError, match=r"dim .*must be even, .*got 5"):
        cos_sin(torch.arange(3), dim=5)
