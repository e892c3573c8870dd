"""Tasks whose right answer is known, to compare a trained head with theory."""

from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from lib.data.batch import Batch


def copy_task(
    vocab: int, back: int, batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of random tokens; each answer is the token `back` steps ago.

    The first `back` positions have no answer: their target is -1, which no loss counts.
    Raises ValueError unless 0 <= back < time, and the sizes are above 0.
    """
    if vocab < 1 or batch < 1:
        raise ValueError(f"vocab and batch must be above 0, got {vocab} and {batch}")
    if not 0 <= back < time:
        raise ValueError(f"back must lie in 0..{time - 1}, got {back}")
    return _copy_task(vocab, back, batch, time, seed)


def _copy_task(
    vocab: int, back: int, batch: int, time: int, seed: int
) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        tokens = torch.randint(vocab, (batch, time), generator=generator)
        answers = torch.full_like(tokens, -1)
        answers[:, back:] = tokens[:, : time - back]
        yield tokens, answers


def order_blind_loss(
    tokens: Int[Tensor, "batch time"], answers: Int[Tensor, "batch time"]
) -> float:
    """The least loss, in nats, on the copy task when the order of the past is unknown.

    Such a reader knows the token it stands on and how often each token came before it.
    Any of those earlier tokens may be the answer, so its best guess is their share of
    the past. Raises ValueError when no position has an answer.
    """
    losses = []
    for row, row_answers in zip(tokens, answers, strict=True):
        for now in (row_answers >= 0).nonzero().flatten().tolist():
            share = (row[:now] == row_answers[now]).float().mean()
            losses.append(-share.log())
    if not losses:
        raise ValueError("answers must have at least one above -1, got none")
    return torch.stack(losses).mean().item()
