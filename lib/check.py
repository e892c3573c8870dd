"""Exercise checkers: each takes an answer and says the first thing that is wrong."""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.attention import causal_mask, scaled_dot_product


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found: `right`, and one sentence to read."""

    right: bool
    says: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.says

    def _repr_markdown_(self) -> str:
        return self.says


class _NotDone(Exception):
    """The reader has not filled in the exercise yet."""


def _checker(complaints: Callable[..., Iterator[str]]) -> Callable[..., Verdict]:
    """Turn a generator of complaints into a checker: no complaint means right."""

    @functools.wraps(complaints)
    def check(answer: object) -> Verdict:
        try:
            wrong = next(complaints(answer), None)
        except _NotDone:
            return Verdict(False, "Not done yet: replace the dots with your answer.")
        except Exception as error:
            return Verdict(
                False, f"Not yet: it stops with {type(error).__name__}: {error}"
            )
        return (
            Verdict(True, "Correct.")
            if wrong is None
            else Verdict(False, f"Not yet: {wrong}")
        )

    return check


def _call(answer: Callable, *arguments: object) -> Tensor:
    """Run the reader's function; complain clearly about what is no tensor."""
    result = answer(*arguments)
    if result is None or result is ...:
        raise _NotDone
    if not isinstance(result, Tensor):
        raise TypeError(
            f"the answer should be a tensor, not a {type(result).__name__}."
        )
    return result


def _wrong_shape(result: Tensor, expected: Tensor) -> Iterator[str]:
    if result.shape != expected.shape:
        shape, right = tuple(result.shape), tuple(expected.shape)
        yield f"the shape should be {right}, but is {shape}."


def _same(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.float(), expected.float(), atol=1e-5)


@_checker
def row(answer: object) -> Iterator[str]:
    """The weights of "river" over [the, bank, of, the, river, was], to two decimals."""
    if answer is ...:
        raise _NotDone
    found = torch.tensor(answer, dtype=torch.float)
    products = torch.tensor([0.0, 1, 0, 0, 1, 0])
    true = (products / 2).softmax(0)
    yield from _wrong_shape(found, true)
    if _close_by_hand(found, products / 2) or _close_by_hand(found, products):
        yield "these are the scores; softmax turns them into shares."
    if _close_by_hand(found, products.softmax(0)):
        yield "the scores are not divided by the square root of the width, which is 2."
    if abs(found.sum() - 1) > 0.04:
        yield f"shares add up to 1, but yours add up to {found.sum():.2f}."
    if not _close_by_hand(found, true):
        worst = (found - true).abs().argmax().item()
        yield f"number {worst + 1} of the six is not right."


def _close_by_hand(found: Tensor, true: Tensor) -> bool:
    return torch.allclose(found, true, atol=0.011)


@_checker
def softmax(answer: Callable) -> Iterator[str]:
    """`answer(scores, temperature)`: softmax over the last axis."""
    scores = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]])
    true = (scores / 0.5).softmax(-1)
    result = _call(answer, scores, 0.5)
    yield from _wrong_shape(result, true)
    if _same(result, (scores * 0.5).softmax(-1)):
        yield "the scores are multiplied by the temperature; divide by it."
    if _same(result, scores.softmax(-1)):
        yield "the temperature makes no difference."
    if not _same(result.sum(-1), torch.ones(2)):
        yield f"each row should add up to 1, but the first gives {result[0].sum():.2f}."
    if not _same(result, true):
        yield f"at temperature 0.5, scores 1, 2, 4 give 4 a share of {true[0, -1]:.3f}."
    if not _call(answer, scores + 1000, 0.5).isfinite().all():
        yield "scores above 1,000 overflow; subtract the largest of each row first."


@_checker
def mask(answer: Callable) -> Iterator[str]:
    """`answer(time)`: booleans (time, time), True where the row may look."""
    result, true = _call(answer, 4), causal_mask(4)[0, 0]
    yield from _wrong_shape(result, true)
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


@_checker
def attention(answer: Callable) -> Iterator[str]:
    """`answer(q, k, v, mask)`: the mixed values of scaled dot-product attention."""
    q, k, v = _random(2, 3, 5, 8, many=3)
    mask = causal_mask(5)
    scores, dim = q @ k.transpose(-2, -1), q.size(-1)
    true, weights = scaled_dot_product(q, k, v, mask)
    result = _call(answer, q, k, v, mask)
    yield from _wrong_shape(result, true)
    if _same(result, scores.masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are not divided by the square root of dim."
    if _same(result, (scores / dim).masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are divided by dim; divide by its square root."
    if _same(result, scaled_dot_product(q, k, v)[0]):
        yield "the mask makes no difference."
    if _same(result, (scores / dim**0.5).softmax(-1).masked_fill(~mask, 0) @ v):
        yield "the mask comes after the softmax, so the rows no longer add up to 1."
    if _same(result, (scores / dim**0.5).masked_fill(~mask, -math.inf).softmax(-2) @ v):
        yield "the softmax runs over the queries; it should run over the keys."
    if _same(result, scaled_dot_product(q, k, v, ~mask)[0]) or result.isnan().any():
        yield "the mask is the wrong way round: True means that a query may look."
    if not _same(result, true):
        off = (result - true).abs().max()
        yield f"the values differ from the true ones by up to {off:.3f}."


@_checker
def heads(answer: Callable) -> Iterator[str]:
    """`answer(x, heads)`: (batch, time, width) to (batch, heads, time, dim)."""
    x = _random(2, 5, 12)
    true = x.unflatten(-1, (3, 4)).transpose(1, 2)
    result = _call(answer, x, 3)
    if result.shape == (2, 5, 3, 4):
        yield "the cut is right; the head axis should come before the time axis."
    yield from _wrong_shape(result, true)
    if _same(result, x.reshape(2, 3, 5, 4)):
        yield "time and width are mixed up; cut the width first, then swap two axes."
    if not _same(result, true):
        yield "head 0 should hold the first 4 of the 12 numbers of every token."


@_checker
def grouped(answer: Callable) -> Iterator[str]:
    """`answer(q, k, v)`: 4 query heads share 2 heads of keys and values."""
    q, (k, v) = _random(2, 4, 5, 8), _random(2, 2, 5, 8, many=2)
    repeated = (k.repeat_interleave(2, dim=1), v.repeat_interleave(2, dim=1))
    true = scaled_dot_product(q, *repeated)[0]
    result = _call(answer, q, k, v)
    yield from _wrong_shape(result, true)
    if _same(
        result, scaled_dot_product(q, k.repeat(1, 2, 1, 1), v.repeat(1, 2, 1, 1))[0]
    ):
        yield "heads 0 and 1 should share keys; yours take turns (0, 1, 0, 1)."
    if _same(
        result, scaled_dot_product(q, k[:, :1].expand_as(q), v[:, :1].expand_as(q))[0]
    ):
        yield "all heads share the first keys; each group should have its own."
    if not _same(result, true):
        yield "heads 0 and 1 should look at key head 0, heads 2 and 3 at key head 1."


def _random(*shape: int, many: int = 1) -> Tensor | tuple[Tensor, ...]:
    """The same random numbers at every call, whatever was drawn before."""
    drawn = torch.randn(many, *shape, generator=torch.Generator().manual_seed(many))
    return drawn[0] if many == 1 else tuple(drawn)
