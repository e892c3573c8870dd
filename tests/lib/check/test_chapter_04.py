"""The checkers of chapter 4, the block: right passes, wrong is told why."""

import pytest

from tests.helpers.checkers import (
    assert_complete,
    assert_not_done,
    assert_right,
    assert_wrong,
)


def norm(x, eps=0.0, center=True, count=None, power=0.5, axis=-1, late=0.0):
    """Layer norm, RMS norm, and the ways to get them wrong."""
    x = x - x.mean(axis, keepdim=True) if center else x
    count = x.size(axis) if count is None else count
    spread = x.square().sum(axis, keepdim=True) / count + eps
    return x / (spread**power + late)


def biases_miscounted(width, hidden, bias):
    return 2 * width * hidden + bias * 2 * width


def parts_in_order(x, mask, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x), mask)
    return x + feed_forward(norm_2(x))


def parts_side_by_side(x, mask, attention, feed_forward, norm_1, norm_2):
    return x + attention(norm_1(x), mask) + feed_forward(norm_2(x))


def no_second_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    return feed_forward(norm_2(x + attention(norm_1(x), mask)))


def no_first_addition(x, mask, attention, feed_forward, norm_1, norm_2):
    x = attention(norm_1(x), mask)
    return x + feed_forward(norm_2(x))


def norms_after(x, mask, attention, feed_forward, norm_1, norm_2):
    x = norm_1(x + attention(x, mask))
    return norm_2(x + feed_forward(x))


RIGHT = {
    "normed_row": [0.33, -1.67, 0.33, 1.0],
    "layer_norm": norm,
    "rms_norm": lambda x, scale, eps: norm(x, eps, center=False) * scale,
    "pre_norm": lambda x, part, norm: x + part(norm(x)),
    "feed_forward_size": lambda w, h, bias: 2 * w * h + bias * (w + h),
    "block": parts_in_order,
}
WRONG = [
    ("normed_row", [1, -5, 1, 3], "now divide by the square root"),
    ("normed_row", [0.11, -0.56, 0.11, 0.33], "divided by the variance"),
    ("normed_row", [0.29, -1.44, 0.29, 0.87], "divide their sum by 4, not by 3"),
    ("normed_row", [1.03, 0, 1.03, 1.37], "this is the RMS norm"),
    ("normed_row", [2, 0, 2, 2.67], "subtract it first"),
    ("normed_row", [0.33, 1.67, 0.33, 1.0], "number 2 of the 4"),
    ("layer_norm", lambda x, eps: norm(x, eps, count=7), "unbiased=False"),
    ("layer_norm", lambda x, eps: norm(x, late=eps), "add it to the variance"),
    ("layer_norm", lambda x, eps: norm(x, eps, power=1), "its square root"),
    (
        "layer_norm",
        lambda x, eps: x / (x.var(-1, keepdim=True, unbiased=False) + eps) ** 0.5,
        "mean is not subtracted",
    ),
    ("layer_norm", lambda x, eps: norm(x), "eps makes no difference"),
    ("layer_norm", lambda x, eps: norm(x, eps, axis=1), "over the last axis"),
    ("layer_norm", lambda x, eps: 2 * norm(x, eps), "differ from the true ones by up"),
    ("rms_norm", lambda x, scale, eps: norm(x, eps) * scale, "this is layer norm"),
    ("rms_norm", lambda x, scale, eps: norm(x, eps, False), "scale makes no"),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, power=1) * scale,
        "divide by its square root",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, count=1) * scale,
        "take their mean",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, 0, False, late=eps) * scale,
        "before the root",
    ),
    (
        "rms_norm",
        lambda x, scale, eps: norm(x, eps, False, axis=1) * scale,
        "differ from the true ones by up",
    ),
    ("pre_norm", lambda x, part, norm: norm(x + part(x)), "this is post-norm"),
    ("pre_norm", lambda x, part, norm: x + norm(part(x)), "norm comes after the part"),
    ("pre_norm", lambda x, part, norm: part(norm(x)), "replaces the stream"),
    (
        "pre_norm",
        lambda x, part, norm: norm(x) + part(norm(x)),
        "stream itself is normalized",
    ),
    ("pre_norm", lambda x, part, norm: x + part(x), "norm is not used"),
    ("pre_norm", lambda x, part, norm: x - part(norm(x)), "differ from the true"),
    ("feed_forward_size", lambda w, h, bias: w * h, "there are two matrices"),
    ("feed_forward_size", lambda w, h, bias: 3 * w * h, "this is SwiGLU"),
    ("feed_forward_size", lambda w, h, bias: 2 * w * h, "with bias=True each"),
    ("feed_forward_size", lambda w, h, bias: 2 * w * h + w + h, "no biases to count"),
    ("feed_forward_size", biases_miscounted, "the two biases differ"),
    ("feed_forward_size", lambda w, h, bias: 7, "give 600, not 7"),
    (
        "block",
        lambda x, mask, *parts: parts_in_order(x, None, *parts),
        "mask does not reach",
    ),
    ("block", parts_side_by_side, "feed-forward reads x"),
    (
        "block",
        lambda x, mask, a, f, one, two: parts_in_order(x, mask, a, f, one, one),
        "norm_1 is used twice",
    ),
    ("block", no_second_addition, "feed-forward replaces the stream"),
    ("block", no_first_addition, "attention replaces the stream"),
    ("block", norms_after, "this is post-norm"),
    (
        "block",
        lambda x, mask, *parts: -parts_in_order(x, mask, *parts),
        "differ from the true",
    ),
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
    assert_complete(4, RIGHT, WRONG)
