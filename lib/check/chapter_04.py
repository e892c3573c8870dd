"""The exercises of chapter 4: norms, the residual step, feed-forward, the block."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lib.check.verdict import (
    call,
    checker,
    close_by_hand,
    off,
    off_by_hand,
    random_numbers,
    same,
    wrong_shape,
)
from lib.model.masks import causal_mask


@checker
def normed_row(answer: object) -> Iterator[str]:
    """The layer norm of [6, 0, 6, 8], to two decimals."""
    x = torch.tensor([6.0, 0, 6, 8])
    found = torch.tensor(answer, dtype=torch.float)
    centered = x - x.mean()
    true = centered / 3
    yield from wrong_shape(found, true)
    if close_by_hand(found, centered):
        yield "the mean is gone; now divide by the square root of the variance."
    if close_by_hand(found, centered / 9):
        yield "these are divided by the variance; divide by its square root."
    if close_by_hand(found, centered / x.std()):
        yield "the variance is a mean over 4 numbers: divide their sum by 4, not by 3."
    if close_by_hand(found, x / x.square().mean().sqrt()):
        yield "this is the RMS norm; layer norm subtracts the mean first."
    if close_by_hand(found, x / 3):
        yield "the mean is still in there; subtract it first."
    yield from off_by_hand(found, true)


@checker
def layer_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, eps)`: layer norm over the last axis, with no scale and no shift."""
    x = 3 * random_numbers(2, 5, 8) + 1
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    true = centered / (variance + 0.1).sqrt()
    result = call(answer, x, 0.1)
    yield from wrong_shape(result, true)
    unbiased = centered.square().sum(-1, keepdim=True) / 7
    if same(result, centered / (unbiased + 0.1).sqrt()):
        yield "the sum of squares is divided by 7, not by 8: use unbiased=False."
    if same(result, centered / (variance.sqrt() + 0.1)):
        yield "eps is added to the root; add it to the variance, before the root."
    if same(result, centered / (variance + 0.1)):
        yield "it is divided by the variance; divide by its square root."
    if same(result, x / (variance + 0.1).sqrt()):
        yield "the mean is not subtracted."
    if same(result, torch.nn.functional.layer_norm(x, (8,), eps=0)):
        yield "eps makes no difference."
    if not same(result.mean(-1), torch.zeros(2, 5)):
        yield "each vector should have mean 0: take the mean over the last axis."
    yield from off(result, true)


@checker
def rms_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, scale, eps)`: RMS norm over the last axis, times a learned scale."""
    x = 3 * random_numbers(2, 5, 8) + 1
    scale = random_numbers(8)
    square = x.square().mean(-1, keepdim=True)
    true = x / (square + 0.1).sqrt() * scale
    result = call(answer, x, scale, 0.1)
    yield from wrong_shape(result, true)
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    if same(result, centered / (variance + 0.1).sqrt() * scale):
        yield "this is layer norm; the RMS norm leaves the mean where it is."
    if same(result, true / scale):
        yield "the scale makes no difference."
    if same(result, x / (square + 0.1) * scale):
        yield "it is divided by the mean square; divide by its square root."
    if same(result, x / (8 * square + 0.1).sqrt() * scale):
        yield "the squares are added up; take their mean."
    if same(result, x / (square.sqrt() + 0.1) * scale):
        yield "eps is added to the root; add it to the mean square, before the root."
    yield from off(result, true)


@checker
def pre_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, part, norm)`: one residual step, the norm before the part."""
    x = random_numbers(2, 5, 8)
    (part, norm) = _parts(8, "part", "norm")
    true = x + part(norm(x))
    result = call(answer, x, part, norm)
    yield from wrong_shape(result, true)
    if same(result, norm(x + part(x))):
        yield "this is post-norm; here the norm comes before the part."
    if same(result, x + norm(part(x))):
        yield "the norm comes after the part; it should come before."
    if same(result, part(norm(x))):
        yield "the part replaces the stream; add to it."
    if same(result, norm(x) + part(norm(x))):
        yield "the stream itself is normalized; only what the part reads should be."
    if same(result, x + part(x)):
        yield "the norm is not used."
    yield from off(result, true)


@checker
def feed_forward_size(answer: Callable) -> Iterator[str]:
    """`answer(width, hidden, bias)`: the parameters of a `FeedForward`."""
    for bias in (False, True):
        found = call(answer, 10, 30, bias, kind=object)
        true = 2 * 10 * 30 + bias * (30 + 10)
        if found == 10 * 30 + bias * 30:
            yield "there are two matrices: one to the hidden numbers and one back."
        if found == 3 * 10 * 30 + bias * (30 + 30 + 10):
            yield "this is SwiGLU, which has a third matrix; FeedForward has two."
        if bias and found == 2 * 10 * 30:
            yield "with bias=True each matrix has a bias for every number it gives."
        if not bias and found == 2 * 10 * 30 + 30 + 10:
            yield "with bias=False there are no biases to count."
        if found in (2 * 10 * 30 + 2 * 10, 2 * 10 * 30 + 2 * 30):
            yield "the two biases differ: one has hidden numbers, the other width."
        if found != true:
            yield f"width 10, hidden 30, bias={bias} give {true}, not {found}."


@checker
def block(answer: Callable) -> Iterator[str]:
    """`answer(x, mask, attention, feed_forward, norm_1, norm_2)`: a pre-norm block."""
    x = random_numbers(2, 5, 8)
    mask = causal_mask(5)
    look, digest, one, two = _parts(8, "attention", "feed_forward", "norm_1", "norm_2")

    def attend(x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Stands in for attention: a mean over what the mask allows, then a part."""
        seen = torch.ones(5, 5) if mask is None else mask[0, 0].float()
        return look(seen / seen.sum(-1, keepdim=True) @ x)

    middle = x + attend(one(x), mask)
    true = middle + digest(two(middle))
    result = call(answer, x, mask, attend, digest, one, two)
    yield from wrong_shape(result, true)
    blind = x + attend(one(x))
    if same(result, blind + digest(two(blind))):
        yield "the mask does not reach attention."
    if same(result, middle + digest(two(x))):
        yield "feed-forward reads x; it should read what attention has added to."
    if same(result, middle + digest(one(middle))):
        yield "norm_1 is used twice; feed-forward has a norm of its own."
    if same(result, digest(two(middle))):
        yield "feed-forward replaces the stream; add to it."
    if same(result, (after := attend(one(x), mask)) + digest(two(after))):
        yield "attention replaces the stream; add to it."
    if same(result, two((after := one(x + attend(x, mask))) + digest(after))):
        yield "this is post-norm; here each norm comes before its part."
    yield from off(result, true)


def _parts(width: int, *names: str) -> list[Callable[[Tensor], Tensor]]:
    """Stand-ins for parts, each a matrix of its own and a bend: no two are alike."""
    matrices = random_numbers(width, width, many=len(names))
    return [lambda x, m=m: torch.tanh(x @ m) for m in matrices]
