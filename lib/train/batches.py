"""Batches: windows of a text with the tokens to predict."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from lib.data.batch import Batch


def windows(
    ids: Int[Tensor, " text"], batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of random windows of `ids`, and the same windows one token later.

    Raises ValueError when the text is too short for one window and its target, and
    unless `batch` and `time` are above 0.
    """
    _check(ids, batch, time)
    generator = torch.Generator().manual_seed(seed)
    while True:
        starts = torch.randint(len(ids) - time, (batch,), generator=generator)
        block = ids[starts[:, None] + torch.arange(time + 1)]  # batch time+1
        yield block[:, :-1], block[:, 1:]


def consecutive_windows(
    ids: Int[Tensor, " text"], batch: int, time: int
) -> Iterator[Batch]:
    """The whole text once, window after window: every token but the first is a target.

    The last batch may be smaller. Up to `time` tokens that fill no window are left out.
    Raises ValueError when the text is too short for one window and its target, and
    unless `batch` and `time` are above 0.
    """
    _check(ids, batch, time)
    starts = torch.arange(0, len(ids) - time, time)
    for chunk in starts.split(batch):
        block = ids[chunk[:, None] + torch.arange(time + 1)]  # batch time+1
        yield block[:, :-1], block[:, 1:]


def mask_tokens(
    batches: Iterable[Batch], mask: int, vocab: int, share: float = 0.15, seed: int = 0
) -> Iterator[Batch]:
    """Hide some tokens of each window; the targets are those tokens, all others -1.

    Of the chosen tokens 80 % become `mask`, 10 % a random token, 10 % stay as they
    are: the model cannot tell which of those it sees, so it must predict them all.
    At least one token of a batch is chosen. Raises ValueError unless 0 < share <= 1.

    Source: Devlin et al. 2019, "BERT", section 3.1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    generator = torch.Generator().manual_seed(seed)
    for ids, _ in batches:
        chosen, fate = torch.rand(2, *ids.shape, generator=generator)
        hidden = (chosen < share) | (chosen == chosen.min())
        others = torch.randint(vocab, ids.shape, generator=generator)
        seen = torch.where(hidden & (fate < 0.8), mask, ids)
        seen = torch.where(hidden & (fate >= 0.9), others, seen)
        yield seen, torch.where(hidden, ids, -1)


def _check(ids: Int[Tensor, " text"], batch: int, time: int) -> None:
    if batch < 1 or time < 1:
        raise ValueError(
            f"batch and time must be above 0, got batch={batch}, time={time}"
        )
    if len(ids) <= time:
        raise ValueError(
            f"a window of {time} and its target need {time + 1} tokens, got {len(ids)}"
        )
