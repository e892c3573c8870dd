"""Objectives: what training minimizes, and how well a model does on held-out text."""

import math
from collections.abc import Callable, Iterable, Sized
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.model.modes import evaluating
from lib.train import distributed

# The mean loss of a model over the targets of a batch, and how many targets that is.
# A batch is a tuple of tensors, as many as the objective takes.
Objective = Callable[[nn.Module, Any], Float[Tensor, ""]]
Count = Callable[[tuple[Tensor, ...]], int | float]

MOST = 1000  # batches to measure on, where their number is not known beforehand


def next_token_loss(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean surprise at the true next token, in nats; a target of -1 is not counted.

    It is NaN where no target counts: there is nothing to take a mean of.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def token_loss(
    model: nn.Module, batch: tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]
) -> Float[Tensor, ""]:
    """Mean surprise of a model at the tokens it was asked for, in nats.

    Which ones is the batch's business: `windows` asks for the next token at every
    position, `mask_tokens` for the hidden ones alone.
    """
    ids, targets = batch
    return next_token_loss(model(ids), targets)


def count_targets(batch: tuple[Tensor, ...]) -> int:
    """How many targets a batch has: over so many its loss is a mean.

    Where the second tensor holds integers, row for row beside the first, those of 0 and
    above are targets: tokens to predict, labels, with -1 for "none here". Any other
    batch has as many targets as rows. An objective that takes its mean over something
    else needs a count of its own. Raises ValueError for a batch that is no tuple.
    """
    if not isinstance(batch, tuple | list) or not batch:
        kind = type(batch).__name__
        raise ValueError(f"a batch must be a tuple of tensors, got {kind}")
    rows = len(batch[0])
    if len(batch) == 1 or batch[1].shape[:1] != (rows,) or not is_integer(batch[1]):
        return rows
    return int((batch[1] >= 0).sum().item())


def is_integer(tensor: Tensor) -> bool:
    """Whether a tensor holds integers; truth values and floats are none."""
    return not tensor.dtype.is_floating_point and tensor.dtype != torch.bool


def weigh(loss: Tensor, share: int | float) -> Tensor:
    """A share of a loss. The mean over no targets, NaN, counts for nothing.

    Raises ValueError when the loss is not one number.
    """
    if loss.numel() != 1:
        shape = tuple(loss.shape)
        raise ValueError(f"objective must give one number, got a tensor of {shape}")
    return share * (loss if share else loss.nan_to_num())


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, ...]],
    objective: Objective = token_loss,
    count: Count = count_targets,
) -> float:
    """Mean loss over the targets of all batches, in nats, with dropout off.

    `count` tells how many targets a batch has; see `count_targets`. Where several
    processes train together, all call this, each with its share of the batches.

    Raises ValueError when there is no batch, no target, or no end of batches.
    """
    if (weight := next(model.parameters(), None)) is None:
        raise ValueError("model must have weights, got none")
    total = 0.0
    targets = 0.0
    with evaluating(model):
        for batch in check_batches(batches):
            many = count(batch)
            moved = tuple(tensor.to(weight.device) for tensor in batch)
            total += weigh(objective(model, moved), many).item()
            targets += many
    total = distributed.total(total)
    targets = distributed.total(targets)
    if not targets:
        raise ValueError("batches must have a target, got none")
    return total / targets


def check_batches(
    batches: Iterable[tuple[Tensor, ...]],
) -> Iterable[tuple[Tensor, ...]]:
    """The batches, if there are some and not without end.

    What has no length, such as a generator, is drawn to its end. Raises ValueError when
    there is no batch, or when more than 1,000 come: they may never end.
    """
    if not isinstance(batches, Sized):
        batches = list(islice(batches, MOST + 1))
        if len(batches) > MOST:
            raise ValueError(
                f"batches must come to an end, got more than {MOST:,}: take the first "
                "ones with itertools.islice(batches, 8), or give a list of them all"
            )
    if not len(batches):
        raise ValueError("batches must hold at least one batch, got none")
    return batches


def perplexity(loss: float) -> float:
    """e to the loss: among how many equally likely tokens the model still hesitates.

    `loss` is in nats a token; from 710 on, the perplexity is more than a float can
    hold, and infinite. Source: Jelinek et al. 1977, "Perplexity—a measure of the
    difficulty of speech recognition tasks".
    """
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits_per_character(loss: float, tokens: int, characters: int) -> float:
    """A loss in nats a token, as bits a character: fair across tokenizers.

    `tokens` and `characters` count the same text. Raises ValueError unless both are
    above 0.
    """
    if tokens < 1 or characters < 1:
        raise ValueError(
            "tokens and characters must be above 0, "
            f"got tokens={tokens}, characters={characters}"
        )
    return loss * tokens / characters / math.log(2)
