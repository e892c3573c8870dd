"""Packing: several examples in one row, and a mask that keeps them apart.

Rows of one length waste no work on padding. An example in a row is read as if it stood
alone: it sees its own tokens, at positions that begin anew.

Source: Krell et al. 2021, "Efficient Sequence Packing without Cross-contamination".
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.instruct.template import Lesson
from lib.model.gpt import GPT
from lib.model.masks import packed_mask
from lib.model.positions import packed_positions

# Tokens, the tokens to predict (or -1), and the number of each token's example in its
# row; padding has a number of its own, the last.
Packed = tuple[
    Int[Tensor, "batch time"], Int[Tensor, "batch time"], Int[Tensor, "batch time"]
]


def packed_batches(
    examples: Sequence[Lesson], batch: int, time: int, seed: int = 0
) -> Iterator[Packed]:
    """Endless batches of `batch` rows of `time` tokens, every example once a round.

    The examples come in another order each round. Raises ValueError when there is none,
    when one is longer than a row, and when `batch` is below 1.
    """
    if not len(examples):
        raise ValueError("examples must hold at least one, got none")
    for number, example in enumerate(examples):
        _check_length(number, example, time)
    return stream_packed(_rounds(examples, random.Random(seed)), batch, time)


def stream_packed(
    examples: Iterable[Lesson], batch: int, time: int
) -> Iterator[Packed]:
    """Batches of examples that come one by one, in their order; the last may be small.

    Raises ValueError when `batch` is below 1, and from the iterator for an example that
    is longer than a row.
    """
    if batch < 1:
        raise ValueError(f"batch must be above 0, got {batch}")
    return _stream_packed(pack(examples, time), batch, time)


def pack(examples: Iterable[Lesson], time: int) -> Iterator[list[Lesson]]:
    """The examples of each row: in order, as many as its `time` tokens have room for.

    Raises ValueError for an example that is longer than a row.
    """
    row: list[Lesson] = []
    room = time
    for number, example in enumerate(examples):
        _check_length(number, example, time)
        if len(example.ids) > room:
            yield row
            row, room = [], time
        row.append(example)
        room -= len(example.ids)
    if row:
        yield row


def stack(rows: Sequence[Sequence[Lesson]], time: int) -> Packed:
    """Rows of examples as three tensors, padded to `time` tokens."""
    shape = (len(rows), time)
    ids = torch.zeros(shape, dtype=torch.long)
    targets = torch.full(shape, -1)
    parts = torch.zeros(shape, dtype=torch.long)
    for place, row in enumerate(rows):
        start = 0
        for number, example in enumerate(row):
            end = start + len(example.ids)
            ids[place, start:end] = example.ids
            targets[place, start:end] = example.targets
            parts[place, start:end] = number
            start = end
        parts[place, start:] = len(row)
    return ids, targets, parts


def read_packed(
    model: nn.Module,
    ids: Int[Tensor, "batch time"],
    parts: Int[Tensor, "batch time"],
) -> Float[Tensor, "batch time vocab"]:
    """A GPT's scores for rows in which each example is read by itself."""
    return model(ids, mask=packed_mask(parts), positions=packed_positions(parts))


def answer_scores(model: nn.Module, batch: Packed) -> Float[Tensor, "target vocab"]:
    """The scores at the tokens of the answers alone, row after row.

    A GPT makes no others, which saves a part of the work; one that is wrapped (for many
    processes, or compiled) makes all of them first.
    """
    ids, targets, parts = batch
    asked = targets >= 0  # batch time
    if not isinstance(model, GPT):
        return read_packed(model, ids, parts)[asked]
    mask, positions = packed_mask(parts), packed_positions(parts)
    return model.unembed(model.vectors(ids, mask=mask, positions=positions)[asked])


def packed_loss(model: nn.Module, batch: Packed) -> Float[Tensor, ""]:
    """Mean surprise at the tokens of the answers, in nats; each token counts alike."""
    _, targets, _ = batch
    return F.cross_entropy(answer_scores(model, batch), targets[targets >= 0])


def example_loss(model: nn.Module, batch: Packed) -> Float[Tensor, ""]:
    """The same with each example counted alike, however long its answers are.

    It is the mean over examples of the mean surprise at the example's targets, in nats.
    Train with `count=count_examples`, so that steps of several batches are exact.
    """
    _, targets, parts = batch
    asked = targets >= 0
    weights = _weights(targets, parts)[asked]  # target
    scores = answer_scores(model, batch)
    loss = F.cross_entropy(scores, targets[asked], reduction="none")  # target
    return (loss * weights).sum() / weights.sum()


def count_examples(batch: tuple[Tensor, ...]) -> int:
    """How many examples with a target a packed batch has."""
    _, targets, parts = batch
    return round(_weights(targets, parts).sum().item())


def _weights(
    targets: Int[Tensor, "batch time"], parts: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """1 / n at each of the n targets of an example, 0 elsewhere."""
    asked = targets >= 0  # batch time
    same = parts[:, :, None] == parts[:, None, :]  # batch time time
    many = (same & asked[:, None, :]).sum(-1)  # batch time
    return asked / many.clamp(min=1)


def _stream_packed(
    rows: Iterator[list[Lesson]], batch: int, time: int
) -> Iterator[Packed]:
    while some := list(islice(rows, batch)):
        yield stack(some, time)


def _rounds(examples: Sequence[Lesson], chance: random.Random) -> Iterator[Lesson]:
    while True:
        yield from chance.sample(examples, len(examples))


def _check_length(number: int, example: Lesson, time: int) -> None:
    if len(example.ids) > time:
        raise ValueError(
            f"an example must fit a row of {time} tokens, got {len(example.ids)} in "
            f"number {number}"
        )
