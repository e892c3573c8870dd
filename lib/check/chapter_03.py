"""The exercises of chapter 3: shares, masks, attention, heads."""

import math
from collections.abc import Callable, Iterator

import torch

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
from lib.model.attention import scaled_dot_product
from lib.model.masks import causal_mask


@checker
def row(answer: object) -> Iterator[str]:
    """The weights of "river" over [the, bank, of, the, river, was], to two decimals."""
    found = torch.tensor(answer, dtype=torch.float)
    products = torch.tensor([0.0, 1, 0, 0, 1, 0])
    true = (products / 2).softmax(0)
    yield from wrong_shape(found, true)
    if close_by_hand(found, products / 2) or close_by_hand(found, products):
        yield "these are the scores; softmax turns them into shares."
    if close_by_hand(found, products.softmax(0)):
        yield "the scores are not divided by the square root of the width, which is 2."
    if abs(found.sum() - 1) > 0.04:
        yield f"shares add up to 1, but yours add up to {found.sum():.2f}."
    yield from off_by_hand(found, true)


@checker
def softmax(answer: Callable) -> Iterator[str]:
    """`answer(scores, temperature)`: softmax over the last axis."""
    scores = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]])
    true = (scores / 0.5).softmax(-1)
    result = call(answer, scores, 0.5)
    yield from wrong_shape(result, true)
    if same(result, (scores * 0.5).softmax(-1)):
        yield "the scores are multiplied by the temperature; divide by it."
    if same(result, scores.softmax(-1)):
        yield "the temperature makes no difference."
    if not same(result.sum(-1), torch.ones(2)):
        yield f"each row should add up to 1, but the first gives {result[0].sum():.2f}."
    if not same(result, true):
        yield f"at temperature 0.5, scores 1, 2, 4 give 4 a share of {true[0, -1]:.3f}."
    if not call(answer, scores + 1000, 0.5).isfinite().all():
        yield "scores above 1,000 overflow; subtract the largest of each row first."


@checker
def mask(answer: Callable) -> Iterator[str]:
    """`answer(time)`: booleans (time, time), True where the row may look."""
    result = call(answer, 4)
    true = causal_mask(4)[0, 0]
    yield from wrong_shape(result, true)
    if result.dtype != torch.bool:
        yield f"the mask should hold booleans, but holds {result.dtype}."
    if torch.equal(result, true.T):
        yield "rows look at columns; yours sees the future and not the past."
    if torch.equal(result, ~true):
        yield "True should mean 'may look'; yours is the other way round."
    if not result.diagonal().all():
        yield "a position may look at itself, and yours may not."
    if not torch.equal(result, true):
        yield "row t should be True in columns 0 to t and nowhere else."


@checker
def attention(answer: Callable) -> Iterator[str]:
    """`answer(q, k, v, mask)`: the mixed values of scaled dot-product attention."""
    q, k, v = random_numbers(2, 3, 5, 8, many=3)
    mask = causal_mask(5)
    scores = q @ k.transpose(-2, -1)
    dim = q.size(-1)
    true = scaled_dot_product(q, k, v, mask)[0]
    result = call(answer, q, k, v, mask)
    yield from wrong_shape(result, true)
    if same(result, scores.masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are not divided by the square root of dim."
    if same(result, (scores / dim).masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are divided by dim; divide by its square root."
    if same(result, scaled_dot_product(q, k, v)[0]):
        yield "the mask makes no difference."
    if same(result, (scores / dim**0.5).softmax(-1).masked_fill(~mask, 0) @ v):
        yield "the mask comes after the softmax, so the rows no longer add up to 1."
    if same(result, (scores / dim**0.5).masked_fill(~mask, -math.inf).softmax(-2) @ v):
        yield "the softmax runs over the queries; it should run over the keys."
    if same(result, scaled_dot_product(q, k, v, ~mask)[0]) or result.isnan().any():
        yield "the mask is the wrong way round: True means that a query may look."
    yield from off(result, true)


@checker
def heads(answer: Callable) -> Iterator[str]:
    """`answer(x, heads)`: (batch, time, width) to (batch, heads, time, dim)."""
    x = random_numbers(2, 5, 12)
    true = x.unflatten(-1, (3, 4)).transpose(1, 2)
    result = call(answer, x, 3)
    if result.shape == (2, 5, 3, 4):
        yield "the cut is right; the head axis should come before the time axis."
    yield from wrong_shape(result, true)
    if same(result, x.reshape(2, 3, 5, 4)):
        yield "time and width are mixed up; cut the width first, then swap two axes."
    if not same(result, true):
        yield "head 0 should hold the first 4 of the 12 numbers of every token."
