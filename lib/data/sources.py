"""Sources: texts drawn by a rule, so that the least possible loss is known exactly.

A source is a table of probabilities. Row r says how likely each token is to come next
when the last tokens, read as the digits of a number in base `vocab`, make r. With as
many rows as tokens only the last one counts; with their square, the last two; and so
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

    A row is the softmax of random numbers with this standard deviation: at 0 every
    token is as likely as any other, and the larger `spread`, the surer the next one.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = vocab**order, vocab
    scores = torch.randn(shape, generator=generator, dtype=torch.float64)
    return (spread * scores).softmax(dim=-1)


def draw(
    source: Float[Tensor, "row vocab"], batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of fresh texts, none seen before, and the same one token later.

    Every text begins as if the source had been running for ever.
    """
    vocab, order = source.size(1), _order(source)
    generator = torch.Generator().manual_seed(seed)
    often = how_often(source)
    while True:
        rows = torch.multinomial(often, batch, replacement=True, generator=generator)
        tokens = [rows // vocab**place % vocab for place in reversed(range(order))]
        while len(tokens) <= time:
            last = torch.multinomial(source[rows], 1, generator=generator)[:, 0]
            rows = (rows * vocab + last) % len(source)
            tokens.append(last)
        text = torch.stack(tokens[: time + 1], dim=1)  # batch time+1
        yield text[:, :-1], text[:, 1:]


def how_often(source: Float[Tensor, "row vocab"]) -> Float[Tensor, " row"]:
    """The share of the time that a long text spends in each row of the source.

    The shares that one more token leaves as they are: the solution of linear equations.
    """
    rows, vocab = source.shape
    _order(source)
    here, token = torch.arange(rows)[:, None], torch.arange(vocab)
    moves = torch.zeros(rows, rows, dtype=torch.float64)
    moves[here, (here * vocab + token) % rows] = source
    equations = torch.cat([moves.T - torch.eye(rows), torch.ones(1, rows)])
    right = torch.zeros(rows + 1, 1, dtype=torch.float64)
    right[-1] = 1.0  # the shares add up to 1
    return torch.linalg.lstsq(equations, right).solution[:, 0]


def entropy(source: Float[Tensor, "row vocab"], seen: int | None = None) -> float:
    """The mean surprise, in nats a token, of who knows the source and the last tokens.

    `seen` is how many of them, and never too many: those that do not count are left
    out. None means all, and gives the entropy rate, below which no model can come.
    """
    order, vocab = _order(source), source.size(1)
    seen = order if seen is None else min(seen, order)
    together = (how_often(source)[:, None] * source).view(-1, vocab**seen, vocab)
    together = together.sum(dim=0)  # how often these tokens, and then that one
    before = together.sum(dim=1, keepdim=True)
    return -(together * (together / before).log()).sum().item()


def window_entropy(source: Float[Tensor, "row vocab"], time: int) -> float:
    """The floor for windows: the first position sees one token, the next two, ..."""
    return sum(entropy(source, seen) for seen in range(1, time + 1)) / time


def _order(source: Float[Tensor, "row vocab"]) -> int:
    """How many tokens decide; ValueError unless the table is a source."""
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
