"""Filters on scores against `transformers`' own, and the draw."""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lib.generate.sampling import (
    Sampling,
    check_scores,
    min_p,
    repetition_penalty,
    top_k,
    top_p,
)

WORDS = torch.tensor([[3.0, 2.0, 1.0, 0.0, -1.0]])  # 64, 24, 9, 3 and 1 percent
NONE = torch.zeros(1, 0, dtype=torch.long)  # an empty text
FIRST = torch.tensor([[0]])
sizes = st.tuples(st.integers(1, 4), st.integers(1, 30), st.integers(0, 99))
shares = st.floats(0.01, 0.99)


def scores(batch, vocab, seed):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(batch, vocab, generator=generator)


def kept(logits):
    return (logits > -torch.inf)[0].nonzero().flatten().tolist()


# --- parity with transformers


@given(sizes, st.integers(1, 30))
def test_top_k_equals_transformers(size, k):
    logits, k = scores(*size), min(k, size[1])
    assert top_k(logits, k).equal(TopKLogitsWarper(k)(None, logits))


@given(sizes, shares)
def test_top_p_equals_transformers(size, p):
    logits = scores(*size)
    assert top_p(logits, p).equal(TopPLogitsWarper(p)(None, logits))


@given(sizes, shares)
def test_min_p_equals_transformers(size, p):
    logits = scores(*size)
    assert min_p(logits, p).equal(MinPLogitsWarper(p)(None, logits))


@given(sizes, st.floats(0.1, 3), st.data())
def test_repetition_penalty_equals_transformers(size, penalty, data):
    logits = scores(*size)
    text = torch.tensor(
        [data.draw(st.lists(st.integers(0, size[1] - 1), min_size=3, max_size=3))]
    ).expand(size[0], 3)
    expected = RepetitionPenaltyLogitsProcessor(penalty)(text, logits)
    torch.testing.assert_close(repetition_penalty(logits, text, penalty), expected)


@given(sizes, st.floats(0.1, 3), st.integers(1, 30), shares, shares)
def test_all_of_them_in_the_order_of_transformers(size, heat, k, p, least):
    logits, k = scores(*size), min(k, size[1])
    text = torch.zeros(size[0], 1, dtype=torch.long)
    theirs = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(1.5),
            TemperatureLogitsWarper(heat),
            TopKLogitsWarper(k),
            TopPLogitsWarper(p),
            MinPLogitsWarper(least),
        ]
    )
    found = Sampling(heat, k, p, least, 1.5).filtered(logits, text)
    torch.testing.assert_close(found, theirs(text, logits))


# --- small cases, by hand


def test_small_cases():
    assert kept(top_k(WORDS, 2)) == [0, 1]
    assert kept(top_p(WORDS, 0.5)) == [0]
    assert kept(top_p(WORDS, 0.7)) == [0, 1]
    assert kept(top_p(WORDS, 1.0)) == [0, 1, 2, 3, 4]
    assert kept(min_p(WORDS, 0.1)) == [0, 1, 2]
    assert kept(min_p(WORDS, 1.0)) == [0]
    found = repetition_penalty(WORDS, torch.tensor([[4, 0, 4]]), 2.0)
    assert found.tolist() == [[1.5, 2.0, 1.0, 0.0, -2.0]]


def test_equal_scores_stay_together_under_top_k():
    assert kept(top_k(torch.tensor([[1.0, 1.0, 0.0]]), 1)) == [0, 1]


def test_a_batch_is_filtered_text_by_text():
    logits = torch.cat([WORDS, torch.zeros(1, 5)])
    assert (top_p(logits, 0.7) > -torch.inf).sum(-1).tolist() == [2, 4]
    assert (min_p(logits, 0.5) > -torch.inf).sum(-1).tolist() == [1, 5]


def test_defaults_change_nothing():
    assert Sampling().filtered(WORDS, FIRST) is WORDS
    assert Sampling(1.0, 5, 1.0, 1e-9, 1.0).filtered(WORDS, FIRST).equal(WORDS)


# --- the draw


def test_draws_follow_the_temperature():
    rows, seeds = 4000, [torch.Generator().manual_seed(i) for i in range(4000)]
    for heat in (0.5, 1.0, 2.0):
        drawn = Sampling(heat).choose(
            WORDS.expand(rows, 5), NONE.expand(rows, 0), seeds
        )
        found = torch.bincount(drawn, minlength=5) / rows
        expected = (WORDS[0] / heat).softmax(-1)
        torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_temperature_0_takes_the_likeliest_and_rolls_no_dice():
    dice = torch.Generator().manual_seed(0)
    before = dice.get_state()
    assert Sampling(0.0, top_p=0.9).choose(WORDS, NONE, [dice]).tolist() == [0]
    assert dice.get_state().equal(before)
    penalty = Sampling(0.0, repetition_penalty=2.0)
    assert penalty.choose(WORDS, FIRST, [dice]).tolist() == [1]


def test_an_impossible_token_is_never_drawn():
    logits = torch.tensor([[0.0, -torch.inf]])
    for seed in range(50):
        dice = [torch.Generator().manual_seed(seed)]
        assert Sampling(5.0).choose(logits, NONE, dice).tolist() == [0]


# --- half precision and small temperatures


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@given(sizes, shares, st.integers(1, 30))
def test_filters_keep_the_same_tokens_in_any_precision(dtype, size, p, k):
    """Of scores that the type can write, as the filters do in float32 (or better)."""
    logits, k = scores(*size).to(dtype), min(k, size[1])
    exact = logits.to(torch.promote_types(dtype, torch.float32))
    for cut, bound in ((top_k, k), (top_p, p), (min_p, p)):
        found = cut(logits, bound)
        assert found.dtype == dtype
        assert found.isfinite().equal(cut(exact, bound).isfinite())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("heat", [1e-5, 1e-30, 1e-38, 1e-320])
def test_a_temperature_near_0_leaves_only_the_likeliest(dtype, heat):
    logits = torch.tensor([[1.0, 3.0, 2.75, -torch.inf], [-5.0, -4.0, -4.5, -6.0]])
    found = Sampling(heat).filtered(check_scores(logits.to(dtype)), NONE.expand(2, 0))
    assert found.softmax(-1).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize("heat", [1e5, 1e38, 1e300])
def test_a_high_temperature_makes_all_alike(heat):
    found = Sampling(heat).filtered(WORDS, NONE).softmax(-1)
    torch.testing.assert_close(found, torch.full((1, 5), 0.2), atol=1e-4, rtol=0)


# --- bad input


@pytest.mark.parametrize(
    "options, words",
    [
        ({"temperature": -0.1}, "temperature must be 0 or above, got -0.1"),
        ({"temperature": torch.nan}, "temperature must be 0 or above, got nan"),
        ({"temperature": torch.inf}, "temperature must be 0 or above, got inf"),
        ({"top_k": 0}, "top_k must be at least 1, got 0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
        ({"min_p": 0.0}, "min_p must be above 0 and at most 1, got 0.0"),
        ({"min_p": torch.nan}, "min_p must be above 0 and at most 1, got nan"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be above 0, got 0.0"),
        (
            {"repetition_penalty": torch.inf},
            "repetition_penalty must be above 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Sampling(**options)


def test_filters_refuse_it_too():
    with pytest.raises(ValueError, match=r"top_k must lie in 1\.\.5.*got 6"):
        top_k(WORDS, 6)
    for cut in (top_p, min_p):
        with pytest.raises(ValueError, match=f"{cut.__name__} must be above 0"):
            cut(WORDS, 0.0)
    with pytest.raises(ValueError, match="repetition_penalty must be above 0, got -1"):
        repetition_penalty(WORDS, NONE, -1.0)


@pytest.mark.parametrize(
    "logits", [torch.zeros(5), torch.zeros(1, 0), torch.zeros(1, 5).long()]
)
def test_what_are_no_scores_of_a_batch_is_refused(logits):
    for ask in (
        lambda: inspect.unwrap(top_k)(logits, 1),
        lambda: inspect.unwrap(top_p)(logits, 0.5),
        lambda: inspect.unwrap(min_p)(logits, 0.5),
        lambda: inspect.unwrap(check_scores)(logits),
    ):
        with pytest.raises(ValueError, match=r"scores must be .* \(batch, vocab\)"):
            ask()


def test_a_penalty_so_small_that_scores_overflow_is_refused():
    with pytest.raises(ValueError, match="scores must be finite"):
        Sampling(repetition_penalty=1e-45).choose(WORDS, FIRST, [torch.Generator()])
    with pytest.raises(ValueError, match=r"texts must lie in 0\.\.4, got 7\.\.7"):
        repetition_penalty(WORDS, torch.tensor([[7]]), 1.5)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_scores_must_be_finite(bad):
    logits = WORDS.clone()
    logits[0, 3] = bad
    with pytest.raises(ValueError, match=r"scores must be finite.*(nan|inf)"):
        check_scores(logits)
    with pytest.raises(ValueError, match="scores must be finite"):
        check_scores(torch.full((1, 5), -torch.inf))
