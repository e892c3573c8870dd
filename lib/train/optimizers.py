"""Optimizers: which weights move, by what rule."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lib.train.muon import Muon


def adamw(
    model: nn.Module,
    lr: float,
    weight_decay: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.99),
    fused: bool = True,
) -> torch.optim.AdamW:
    """PyTorch's AdamW in two groups: matrices decay, vectors (norms, biases) do not.

    A vector scales or shifts; drawn to zero it would stop the stream, not simplify it.

    Sources: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization",
    algorithm 2; Brown et al. 2020, "Language Models are Few-Shot Learners", appendix B.
    """
    # A matrix that two layers share comes once.
    weights = [w for w in model.parameters() if w.requires_grad]
    groups = [
        {"params": [w for w in weights if w.dim() >= 2], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
    ]
    filled = [group for group in groups if group["params"]]
    return torch.optim.AdamW(filled, lr=lr, betas=betas, fused=fused)


def muon(
    model: nn.Module,
    lr: float = 0.02,
    adam_lr: float = 0.03,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.8, 0.95),
    fused: bool = True,
) -> Muon:
    """Muon for the matrices in the model's stack, AdamW for everything else.

    The stack is what lies in an `nn.ModuleList`, as the blocks of a GPT do. The rest,
    at the rate `adam_lr`: vectors, the embedding and the scores' matrix, whose rows
    belong to tokens and are no directions of a space. Only the stack's matrices decay.
    The defaults suit a model of a million parameters and a run of some hundred steps:
    the shorter the run, the shorter the memory (`momentum`, `betas`) should be.
    Raises ValueError when there is no matrix in a stack.
    """
    stack = stack_matrices(model)
    if not stack:
        raise ValueError("muon wants matrices in an nn.ModuleList, the model has none")
    ids = {id(weights) for weights in stack}
    rest = [w for w in model.parameters() if w.requires_grad and id(w) not in ids]
    adam = {"rule": "adamw", "lr": adam_lr, "betas": betas, "fused": fused}
    groups: list[dict[str, Any]] = [{"params": stack}]
    if rest:
        groups.append({"params": rest, "weight_decay": 0.0, **adam})
    return Muon(groups, lr=lr, momentum=momentum, weight_decay=weight_decay)


def stack_matrices(model: nn.Module) -> list[Tensor]:
    """The matrices of all linear layers in the model's module lists, each once."""
    layers = [
        layer
        for modules in model.modules()
        if isinstance(modules, nn.ModuleList)
        for layer in modules.modules()
        if isinstance(layer, nn.Linear) and layer.weight.requires_grad
    ]
    return list({id(layer.weight): layer.weight for layer in layers}.values())


# What each name on the command line makes of a model and a learning rate.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": adamw,
    "muon": muon,
}
