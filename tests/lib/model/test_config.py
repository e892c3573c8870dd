"""The configuration: what it works out, and what it refuses, by name."""

from dataclasses import FrozenInstanceError, replace

import pytest

from lib.model.config import CHOICES, GPT2, LLAMA2, SMALL, GPTConfig


def test_what_is_left_open_follows_from_the_sizes():
    tiny = replace(GPT2, width=24, heads=4)
    assert (tiny.dim, tiny.kv_head_count, tiny.hidden_width) == (6, 4, 96)
    closed = replace(tiny, kv_heads=2, hidden=10)
    assert (closed.kv_head_count, closed.hidden_width) == (2, 10)


def test_a_configuration_does_not_change():
    with pytest.raises(FrozenInstanceError):
        SMALL.width = 256


@pytest.mark.parametrize(
    "name", ["vocab", "context", "width", "layers", "heads", "kv_heads", "hidden"]
)
@pytest.mark.parametrize("value", [0, -1, True])
def test_sizes_that_are_none_are_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a whole number above 0"):
        replace(LLAMA2, **{name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_unknown_parts_are_refused_and_the_known_ones_listed(name):
    with pytest.raises(ValueError, match=f"^{name} must be one of .*, got {name}='x'"):
        replace(SMALL, **{name: "x"})


@pytest.mark.parametrize(
    "change, message",
    [
        ({"heads": 5}, "^heads must be a divisor of width 128, got heads=5"),
        ({"kv_heads": 3}, "^kv_heads must be None or a divisor of heads 4, got kv_h"),
        ({"heads": 128}, "^heads must be .* even width / heads, got heads=128"),
        ({"dropout": 1.0}, "^dropout must be at least 0 and below 1, got dropout=1.0"),
        ({"dropout": -0.1}, "^dropout must be at least 0"),
        ({"norm_eps": 0.0}, "^norm_eps must be above 0"),
        ({"rotary_base": -1.0}, "^rotary_base must be above 0"),
        ({"init_std": float("nan")}, "^init_std must be above 0"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


def test_only_rotary_needs_pairs():
    odd = GPTConfig(5, 4, width=6, layers=1, heads=2, positions="learned")
    assert odd.dim == 3
