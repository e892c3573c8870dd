"""Sampling in JavaScript against lib/generate/sampling.py, in a browser."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.generate.sampling import Sampling

FILTER = """async ([scores, text, sampling]) => {
  const { filtered, softmax } = await import("/_static/sampling.js");
  return Array.from(softmax(filtered(Float32Array.from(scores), text, sampling)));
}"""
shares = st.none() | st.floats(0.01, 1)
samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 1.0]) | st.floats(1e-4, 4),
    top_k=st.none() | st.integers(1, 40),
    top_p=shares,
    min_p=shares,
    repetition_penalty=st.just(1.0) | st.floats(0.5, 3),
)


def fields(sampling: Sampling) -> dict:
    return vars(sampling)


def expected(logits, text, sampling):
    """In double precision, as JavaScript computes."""
    scores = sampling.filtered(logits.double()[None], torch.tensor([text]))
    return scores[0].softmax(-1)


def compare(browser, logits, text, sampling):
    found = browser.run(FILTER, [logits.tolist(), text, fields(sampling)])
    ours = expected(logits, text, sampling)
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), ours, atol=1e-5, rtol=0
    )
    assert [share > 0 for share in found] == (ours > 0).tolist()


@given(samplings, st.integers(0, 2**31), st.sampled_from([0.3, 2.0, 9.0]))
def test_what_is_left_is_what_python_leaves(browser, sampling, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(40, generator=generator)
    text = torch.randint(40, (12,), generator=generator).tolist()
    assume(expected(logits, text, sampling).isfinite().all())
    compare(browser, logits, text, sampling)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=0.0),
        Sampling(top_k=2),
        Sampling(top_p=0.6),
        Sampling(min_p=0.5),
        Sampling(top_p=1.0, min_p=1.0),
        Sampling(temperature=0.5, top_k=3, top_p=0.9, repetition_penalty=1.5),
    ],
)
def test_equal_scores_and_a_token_ruled_out(sampling, browser):
    """Two are equal at the edge of the two best; one cannot come whatever is asked."""
    logits = torch.tensor([2.0, -torch.inf, 1.0, 1.0, 0.0, -1.0])
    found = browser.run(
        """async ([scores, text, sampling]) => {
          const { filtered, softmax } = await import("/_static/sampling.js");
          const whole = scores.map((score) => score ?? -Infinity);
          return Array.from(softmax(filtered(whole, text, sampling)));
        }""",
        [
            [None if s == -torch.inf else s for s in logits.tolist()],
            [0, 5],
            fields(sampling),
        ],
    )
    ours = expected(logits, [0, 5], sampling)
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), ours, atol=1e-5, rtol=0
    )


def test_what_is_drawn_comes_as_often_as_its_share(browser):
    """20,000 draws, with numbers that are the same for the same seed."""
    first, again, other = browser.run(
        """async () => {
          const { choose, numbers } = await import("/_static/sampling.js");
          const draws = (seed) => {
            const counts = [0, 0, 0, 0], next = numbers(seed);
            const scores = [0.5, 0.3, 0, 0.2].map(Math.log);
            for (let i = 0; i < 20000; i++) {
              counts[choose(Float64Array.from(scores), 1, next())]++;
            }
            return counts;
          };
          return [draws(0), draws(0), draws(7)];
        }"""
    )
    assert first == again != other
    for counts in (first, other):
        assert counts[2] == 0  # what is ruled out never comes
        for count, share in zip(counts, (0.5, 0.3, 0, 0.2), strict=True):
            assert abs(count / 20_000 - share) < 0.015


def test_the_likeliest_is_taken_at_temperature_0(browser):
    assert browser.run(
        """async () => {
          const { choose } = await import("/_static/sampling.js");
          const scores = Float64Array.from([1, 3, 3, -Infinity]);
          return [choose(scores, 0, 0.999), choose(scores, 1, 0.9999999)];
        }"""
    ) == [1, 2]


@pytest.mark.parametrize(
    "setting, said",
    [
        ({"temperature": -1}, "temperature must be 0 or above, got -1"),
        ({"temperature": None}, "temperature must be 0 or above, got null"),
        ({"top_k": 0}, "top_k must be in 1..3, got 0"),
        ({"top_k": 4}, "top_k must be in 1..3, got 4"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, got 0"),
        ({"min_p": 1.5}, "min_p must be above 0 and at most 1, got 1.5"),
        ({"repetition_penalty": 0}, "repetition_penalty must be above 0, got 0"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting, said, browser):
    script = f"""(all) => ({FILTER})(all).then(() => "", (error) => error.message)"""
    assert browser.run(script, [[1.0, 2.0, 3.0], [0], setting]) == said
