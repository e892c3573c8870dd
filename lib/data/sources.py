"""Sources: texts drawn by a rule, so that the least possible loss is known exactly.

A source is a table of probabilities. Row r says how likely each token is to come next
when the last tokens, read as the digits of a number in base `vocab`, make r. With as
many rows as tokens, only the last token counts; with their square, the last two; and so
on. All probabilities are above 0: any token may follow any other.

Source: Shannon 1948, "A Mathematical Theory of Communication", sections 2 to 7.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from lib.data.batch import Batch


def random_source(
    vocab: int, order: int, spread: float = 1.0, seed: int = 0
) -> Float[Tensor, "row {vocab}"]:
    """A source in which the last `order` tokens decide; `vocab**order` rows.

    A row is the softmax of random numbers with the standard deviation `spread`: at 0
    every token is as likely as any other, and the larger it is, the surer the next one.
    Raises ValueError unless `vocab` is above 1, `order` above 0 and `spread` 0 or more.
    """
    if vocab < 2 or order < 1 or not 0 <= spread < math.inf:
        raise ValueError(
            f"vocab must be above 1, order above 0 and spread 0 or more, got "
            f"vocab={vocab}, order={order}, spread={spread}"
        )
    if vocab ** (order + 1) > 2**27:  # a gigabyte
        raise ValueError(f"vocab={vocab} and order={order} make too large a table")
    generator = torch.Generator().manual_seed(seed)
    shape = vocab**order, vocab
    scores = torch.randn(shape, generator=generator, dtype=torch.float64)
    return (spread * scores).softmax(dim=-1)


def sample_batches(
    source: Float[Tensor, "row vocab"], batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of fresh texts, and the same texts one token later.

    Every text begins as if the source had been running forever.
    Raises ValueError when the table is no source, or a size is below 1.
    """
    if batch < 1 or time < 1:
        raise ValueError(f"batch and time must be above 0, got {batch} and {time}")
    often = stationary_distribution(source)
    return _sample_batches(source, often, batch, time, seed)


def _sample_batches(
    source: Float[Tensor, "row vocab"],
    often: Float[Tensor, " row"],
    batch: int,
    time: int,
    seed: int,
) -> Iterator[Batch]:
    vocab = source.size(1)
    order = _order(source)
    generator = torch.Generator().manual_seed(seed)
    while True:
        rows = torch.multinomial(often, batch, replacement=True, generator=generator)
        tokens = [rows // vocab**place % vocab for place in reversed(range(order))]
        while len(tokens) <= time:
            last = torch.multinomial(source[rows], 1, generator=generator)[:, 0]
            rows = (rows * vocab + last) % len(source)
            tokens.append(last)
        text = torch.stack(tokens[: time + 1], dim=1)  # batch time+1
        yield text[:, :-1], text[:, 1:]


def stationary_distribution(
    source: Float[Tensor, "row vocab"],
) -> Float[Tensor, " row"]:
    """The share of the time that a long text spends in each row of the source.

    One more token leaves these shares as they are: they solve linear equations.
    Raises ValueError when the table is no source.
    """
    rows, vocab = source.shape
    _order(source)
    here = torch.arange(rows)[:, None]
    token = torch.arange(vocab)
    moves = torch.zeros(rows, rows, dtype=torch.float64)
    moves[here, (here * vocab + token) % rows] = source.double()
    equations = torch.cat([moves.T - torch.eye(rows), torch.ones(1, rows)])
    right = torch.zeros(rows + 1, 1, dtype=torch.float64)
    right[-1] = 1.0  # the shares add up to 1
    return torch.linalg.lstsq(equations, right).solution[:, 0]


def entropy(source: Float[Tensor, "row vocab"], seen: int | None = None) -> float:
    """The mean surprise, in nats a token, when source and last tokens are known.

    `seen` says how many of the last tokens; more than the source looks at change
    nothing. None means all, and gives the entropy rate, which no model can beat.
    Raises ValueError when the table is no source, or `seen` is below 0.
    """
    if seen is not None and seen < 0:
        raise ValueError(f"seen must be 0 or above, got {seen}")
    order = _order(source)
    vocab = source.size(1)
    seen = order if seen is None else min(seen, order)
    together = (stationary_distribution(source)[:, None] * source).view(
        -1, vocab**seen, vocab
    )
    together = together.sum(dim=0)  # how often these tokens, and then that one
    before = together.sum(dim=1, keepdim=True)
    return -(together * (together / before).log()).sum().item()


def window_entropy(source: Float[Tensor, "row vocab"], time: int) -> float:
    """The floor for windows: the first position sees one token, the next two, ...

    Raises ValueError when `time` is below 1.
    """
    if time < 1:
        raise ValueError(f"time must be above 0, got {time}")
    return sum(entropy(source, seen) for seen in range(1, time + 1)) / time


def _order(source: Float[Tensor, "row vocab"]) -> int:
    """How many tokens decide; ValueError unless the table is a source."""
    if source.dim() != 2 or not source.is_floating_point():
        raise ValueError(
            f"source must be a table of probabilities, got {source.dtype} of shape "
            f"{tuple(source.shape)}"
        )
    rows, vocab = source.shape
    order = round(math.log(rows, vocab)) if vocab > 1 else 0
    if order < 1 or vocab**order != rows:
        raise ValueError(
            f"source must have vocab, vocab**2, ... rows, got {rows} for vocab {vocab}"
        )
    if not (source > 0).all() or not torch.allclose(
        source.sum(dim=1), torch.ones(rows, dtype=source.dtype)
    ):
        raise ValueError("source must have rows above 0 that add up to 1")
    return order
