"""Objectives: what training minimizes, and how well a model does on held-out text."""

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Objective = Callable[[nn.Module, tuple[Tensor, ...]], Float[Tensor, ""]]


def next_token_loss(
    logits: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> Float[Tensor, ""]:
    """Mean surprise at the true next token, in nats; a target of -1 is not counted."""
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


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, ...]],
    objective: Objective = token_loss,
) -> float:
    """Mean loss over the rows of all batches, in nats, with dropout off.

    Raises ValueError when there is no batch.
    """
    device, was_training = next(model.parameters()).device, model.training
    total, rows = 0.0, 0
    model.eval()
    for batch in batches:
        loss = objective(model, tuple(tensor.to(device) for tensor in batch))
        total, rows = total + len(batch[0]) * loss, rows + len(batch[0])
    model.train(was_training)
    if not rows:
        raise ValueError("batches must hold at least one batch, got none")
    return (total / rows).item()


def perplexity(loss: float) -> float:
    """e to the loss: among how many equally likely tokens the model still hesitates.

    `loss` is in nats a token. Source: Jelinek et al. 1977, "Perplexity—a measure of
    the difficulty of speech recognition tasks".
    """
    return math.exp(loss)


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
