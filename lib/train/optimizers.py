"""Optimizers: which weights move, by what rule."""

from collections.abc import Callable, Iterable

import torch
from torch import nn


def adamw(
    model: nn.Module,
    lr: float,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
) -> torch.optim.AdamW:
    """AdamW; matrices shrink a little at each step, vectors (norms, biases) do not.

    A vector scales or shifts; drawn to zero it would stop the stream, not simplify it.

    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
    algorithm 2.
    """
    weights = list(model.parameters())  # a matrix that two layers share comes once
    groups = [
        {"params": _with_dims(weights, 2), "weight_decay": weight_decay},
        {"params": _with_dims(weights, 1), "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True)


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adamw": adamw}


def _with_dims(weights: Iterable[nn.Parameter], least: int) -> list[nn.Parameter]:
    """Matrices (and more) for 2, vectors and single numbers for 1."""
    return [w for w in weights if (w.dim() >= 2) == (least == 2) and w.requires_grad]
