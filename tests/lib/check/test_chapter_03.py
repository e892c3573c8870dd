"""The checkers of chapter 3, attention: right passes, wrong is told why."""

import math

import pytest
import torch

from lib import check
from lib.model.masks import causal_mask
from tests.helpers.checkers import (
    assert_complete,
    assert_not_done,
    assert_right,
    assert_wrong,
)


def attend(q, k, v, mask, divisor=None, axis=-1):
    scores = (
        q @ k.transpose(-2, -1) / (q.size(-1) ** 0.5 if divisor is None else divisor)
    )
    return scores.masked_fill(~mask, -math.inf).softmax(axis) @ v


def mask_after(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
    return scores.softmax(-1).masked_fill(~mask, 0) @ v


def no_overflow(scores, temperature):
    powers = (scores / temperature).exp()
    return powers / powers.sum(-1, keepdim=True)


RIGHT = {
    "row": [0.14, 0.23, 0.14, 0.14, 0.23, 0.14],
    "softmax": lambda scores, temperature: (scores / temperature).softmax(-1),
    "mask": lambda time: torch.ones(time, time).tril().bool(),
    "attention": attend,
    "heads": lambda x, heads: x.unflatten(-1, (heads, -1)).transpose(1, 2),
}
WRONG = [
    ("row", [0, 1, 0, 0, 1, 0], "these are the scores"),
    ("row", [0, 0.5, 0, 0, 0.5, 0], "these are the scores"),
    ("row", [0.11, 0.29, 0.11, 0.11, 0.29, 0.11], "not divided by the square root"),
    ("row", [0.14, 0.23, 0.14, 0.14, 0.13, 0.14], "add up to 0.92"),
    ("row", [0.23, 0.14, 0.14, 0.14, 0.23, 0.14], "number 1 of the 6"),
    ("row", [0.5, 0.5], r"shape should be \(6,\), but is \(2,\)"),
    ("row", "what?", "stops with"),
    ("softmax", lambda s, t: (s * t).softmax(-1), "multiplied by the temperature"),
    ("softmax", lambda s, t: s.softmax(-1), "makes no difference"),
    ("softmax", lambda s, t: (s / t).softmax(0), "each row should add up to 1"),
    ("softmax", lambda s, t: (s / t / t).softmax(-1), "give 4 a share of 0.980"),
    ("softmax", no_overflow, "overflow; subtract the largest"),
    ("mask", lambda t: torch.ones(t, t).triu().bool(), "sees the future"),
    ("mask", lambda t: torch.ones(t, t).triu(1).bool(), "the other way round"),
    ("mask", lambda t: torch.ones(t, t).tril(-1).bool(), "may look at itself"),
    ("mask", lambda t: torch.ones(t, t).tril(), "booleans, but holds torch.float32"),
    ("mask", lambda t: torch.ones(t, t).bool(), "columns 0 to t and nowhere else"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, 1), "not divided"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, q.size(-1)), "its square root"),
    (
        "attention",
        lambda q, k, v, m: attend(q, k, v, m | True),
        "mask makes no difference",
    ),
    ("attention", mask_after, "mask comes after the softmax"),
    ("attention", lambda q, k, v, m: attend(q, k, v, m, axis=-2), "over the queries"),
    ("attention", lambda q, k, v, m: attend(q, k, v, ~m), "wrong way round"),
    (
        "attention",
        lambda q, k, v, m: attend(q, k, v, m) + 1,
        "differ .* by up to 1.000",
    ),
    ("attention", lambda q, k, v, m: q @ k, "stops with RuntimeError"),
    ("attention", lambda q, k, v, m: 3, "should be a tensor, but is of type int"),
    ("heads", lambda x, h: x.unflatten(-1, (h, -1)), "head axis should come before"),
    ("heads", lambda x, h: x.reshape(2, 3, 5, 4), "time and width are mixed up"),
    (
        "heads",
        lambda x, h: x.unflatten(-1, (h, -1)).transpose(1, 2).flip(1),
        "first 4 of",
    ),
    ("heads", lambda x, h: x, "shape should be"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    assert_right(name, RIGHT[name])


@pytest.mark.parametrize("name, answer, says", WRONG)
def test_wrong_answers_are_told_what_is_wrong(name, answer, says):
    assert_wrong(name, answer, says)


@pytest.mark.parametrize("name", RIGHT)
def test_an_exercise_not_yet_done_says_so(name):
    assert_not_done(name, RIGHT[name])


def test_every_exercise_has_a_right_and_three_wrong_answers():
    assert_complete(3, RIGHT, WRONG)


def test_the_mask_of_the_checker_is_the_librarys():
    assert check.mask(lambda time: causal_mask(time)[0, 0])
