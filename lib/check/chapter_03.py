"""The exercises of chapter 3: shares, attention, heads, and a head without order."""

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
def join(answer: Callable) -> Iterator[str]:
    """`answer(x)`: (batch, heads, time, dim) to (batch, time, heads * dim)."""
    x = random_numbers(2, 3, 5, 4)
    side_by_side = x.transpose(1, 2)
    true = side_by_side.flatten(2)
    result = call(answer, x)
    if result.shape == side_by_side.shape:
        yield "the axes are in order; now lay the heads of each word side by side."
    yield from wrong_shape(result, true)
    if same(result, x.reshape(2, 5, 12)):
        yield "words and heads are mixed up; swap their two axes before you join."
    if same(result, x.permute(0, 2, 3, 1).flatten(2)):
        yield "the heads take turns; all numbers of head 0 should come first."
    if not same(result, true):
        yield "each word should have the 4 numbers of head 0, then head 1, then head 2."


@checker
def blind(answer: object) -> Iterator[str]:
    """The mean weight three steps back, in rows 3 to 15, of a head without positions.

    Such a head can only share evenly: row t gives 1 / (t + 1) to each place.
    """
    found = torch.tensor(answer, dtype=torch.float).item()
    rows = range(3, 16)
    true = sum(1 / (t + 1) for t in rows) / len(rows)
    if not 0 <= found <= 1:
        yield f"a weight is a share, between 0 and 1, and {found:g} is none."
    if found > 0.5:
        yield "so much weight needs to know which token stands three steps back."
    if found < 0.03:
        yield "softmax never says no, so that place gets a share like all others."
    if abs(found - 1 / 16) < 0.02:
        yield "only the last row has 16 places to look at; the others have fewer."
    if abs(found - 1 / 4) < 0.05:
        yield "only the first row that counts has 4 places; the others have more."
    if abs(found - true) > 0.03:
        yield "without order shares are even: what is the mean of 1/4, 1/5, ..., 1/16?"
