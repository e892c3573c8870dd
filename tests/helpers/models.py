"""Small models for the tests: the presets in miniature, and any model there can be."""

from dataclasses import replace

from hypothesis import strategies as st

from lib.model.config import CHOICES, GPT2, LLAMA2, SMALL, GPTConfig

TINY = GPTConfig(vocab=11, context=12, width=16, layers=2, heads=4, hidden=24)
PRESETS = {
    "gpt2": replace(GPT2, vocab=64, context=16, width=32, layers=3, heads=4),
    "llama2": replace(
        LLAMA2, vocab=64, width=32, layers=3, heads=4, kv_heads=2, hidden=40
    ),
    "small": replace(SMALL, vocab=64),
}
configs = st.builds(
    lambda heads, kv_heads, pairs, **fields: GPTConfig(
        width=2 * heads * pairs,
        heads=heads,
        kv_heads=kv_heads if heads % kv_heads == 0 else None,
        **fields,
    ),
    heads=st.integers(1, 4),
    kv_heads=st.integers(1, 4),
    pairs=st.integers(1, 3),
    vocab=st.integers(1, 20),
    context=st.just(8),
    layers=st.integers(1, 3),
    hidden=st.none() | st.integers(1, 20),
    bias=st.booleans(),
    tied=st.booleans(),
    qk_norm=st.booleans(),
    zero_output=st.booleans(),
    **{name: st.sampled_from(choices) for name, choices in CHOICES.items()},
)
