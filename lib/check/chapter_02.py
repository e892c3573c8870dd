"""The exercises of chapter 2: one-hot vectors, losses, thinning, cosines."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from lib.check.verdict import (
    call,
    checker,
    of_kind,
    off,
    random_numbers,
    same,
    wrong_shape,
)

VOCABULARY = 3338  # words of the plays that chapter 2 gives vectors


@checker
def one_hot(answer: Callable) -> Iterator[str]:
    """`answer(ids, vocab)`: a row for each id, a 1 in its column, decimal numbers."""
    ids = torch.tensor([2, 0, 3])
    true = torch.eye(5)[ids]
    result = call(answer, ids, 5)
    if result.shape == (5, 3):
        yield "each id should have a row, but has a column."
    if result.shape == (3, 4):
        yield "the largest id does not say how large the vocabulary is; `vocab` does."
    yield from wrong_shape(result, true)
    if not result.is_floating_point():
        yield f"a matrix of decimal numbers cannot multiply {result.dtype}; convert."
    if same(result, torch.eye(5)[ids - 1]):
        yield "ids count from 0; yours are off by one."
    if not same(result.sum(1), torch.ones(3)):
        yield "each row should hold a single 1."
    if not same(result, true):
        yield "the row of id 2 should have its 1 in column 2."


@checker
def pair_loss(answer: Callable) -> Iterator[str]:
    """`answer(x, table, neighbor)`: the loss of one pair, by the full softmax."""
    table = random_numbers(5, 4)
    x = table[0] + table[2]
    neighbor = 3
    scores = table @ x
    shares = scores.softmax(dim=0)
    true = -shares[neighbor].log()
    result = torch.as_tensor(call(answer, x.clone(), table.clone(), 3, kind=object))
    yield from wrong_shape(result, true)
    if same(result, scores[neighbor]) or same(result, -scores[neighbor]):
        yield "this is the score; divide by the sum over all words, as softmax does."
    if same(result, shares[neighbor]):
        yield "this is the probability; the loss is minus its logarithm."
    if same(result, -true):
        yield "the logarithm of a probability is below 0; the loss is minus that."
    if same(result, true / math.log(2)):
        yield "this is in bits; take the natural logarithm."
    if same(result, -shares.log().mean()):
        yield "only the pair that came counts; this is the mean over all words."
    yield from off(result, true)
    large = torch.as_tensor(call(answer, 100 * x, table.clone(), 3, kind=object))
    if not large.isfinite():
        yield "with large scores it is not finite: `log_softmax` keeps it so."


@checker
def rows_moved(answer: object) -> Iterator[str]:
    """How many rows of each table get a gradient from one pair."""
    rows = of_kind(answer, dict)
    word, few, full = (rows.get(name) for name in ("word", "neighbor", "full softmax"))
    if word == VOCABULARY:
        yield "only the rows that are looked up get one, and one word is looked up."
    if word != 1:
        yield "one word is looked up in the table of words, so it is not that many."
    if few == 5:
        yield "the neighbor itself has a row too, beside its five negative samples."
    if few == 1:
        yield "each negative sample has a score in the loss, and so a gradient."
    if few == VOCABULARY:
        yield "the words that were not drawn have no score in this loss."
    if few != 6:
        yield "count the words of the second table whose score is in the loss."
    if full in (1, 6):
        yield "softmax divides by a sum, and every word of the vocabulary is in it."
    if full == VOCABULARY - 1:
        yield "the neighbor's own score is in the loss as well."
    if full != VOCABULARY:
        yield f"the vocabulary has {VOCABULARY:,} words; which of them are in the sum?"


@checker
def loss_at_the_start(answer: Any) -> Iterator[str]:
    """What a pair with 15 negative samples costs when every score is 0."""
    guess = float(answer)
    if abs(guess - 6 * math.log(2)) < 0.02:
        yield "this is the loss with 5 negative samples; here there are 15."
    if abs(guess - 15 * math.log(2)) < 0.02:
        yield "the neighbor is in the loss too, beside the 15."
    if abs(guess - math.log(2)) < 0.02:
        yield "this is what one of them costs; the loss adds them up."
    if abs(guess - 16) < 0.02:
        yield "this is in bits; a bit is log 2 nats."
    if abs(guess - 16 * math.log(2)) >= 0.02:
        yield "a score of 0 says 1/2 of each of the 16; add up what that costs."


@checker
def stays(answer: Callable) -> Iterator[str]:
    """`answer(counts, threshold)`: the chance of each word to stay in the text."""
    counts = torch.tensor([700.0, 250.0, 49.0, 1.0])
    threshold = 0.05
    shares = counts / counts.sum()
    true = (threshold / shares).sqrt().clamp(max=1)
    result = call(answer, counts.clone(), threshold)
    yield from wrong_shape(result, true)
    if same(result, (threshold / shares).sqrt()):
        yield "a chance is at most 1; rare words stay for certain."
    if same(result, 1 - true):
        yield "this is the chance to be dropped."
    if same(result, (threshold / shares).clamp(max=1)):
        yield "the square root is missing."
    if same(result, (threshold / counts).sqrt().clamp(max=1)):
        yield "divide the counts by their sum; the formula has shares of the text."
    if same(result, (shares / threshold).sqrt().clamp(max=1)):
        yield "it is upside down: the more frequent a word, the less it stays."
    yield from off(result, true)


@checker
def cosine(answer: Callable) -> Iterator[str]:
    """`answer(vector, table)`: the cosine between a vector and each row of a table."""
    vector = random_numbers(4)
    table = random_numbers(3, 4)
    dots = table @ vector
    long = vector.norm()
    rows = table.norm(dim=1)
    true = dots / (long * rows)
    result = call(answer, vector, table)
    yield from wrong_shape(result, true)
    if same(result, dots):
        yield "these are dot products; divide by the lengths of both vectors."
    if same(result, dots / rows) or same(result, dots / long):
        yield "you divided by one length; divide by both."
    if same(result, dots / (long * rows) ** 2):
        yield "you divided by the squared lengths; take square roots."
    if same(result, dots / (long * table.norm())):
        yield "each row has a length of its own; yours is that of the whole table."
    if same(result, 1 - true):
        yield "this is a distance; the cosine is 1 for the same direction."
    yield from off(result, true)
