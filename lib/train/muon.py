"""Muon: an optimizer for the matrices inside a model.

A gradient that is a matrix tends to point in a few directions only. Muon keeps its
directions and makes them equally strong, so that what is rare is learned as fast.
"""

import math
from collections import defaultdict

import torch
from jaxtyping import Float
from torch import Tensor

from lib.train import distributed

QUINTIC = 3.4445, -4.7750, 2.0315  # steep at 0, within 0.7 to 1.2 from there to 1
RULES = ("muon", "adamw")


def orthogonalize(
    x: Float[Tensor, "stack row column"], rounds: int = 5
) -> Float[Tensor, "stack row column"]:
    """Bring all singular values of each matrix near 1 and keep their directions.

    Newton-Schulz: an odd polynomial of a matrix is that polynomial of its singular
    values. This one, five times over, takes those above 0.003 of the matrix's norm to
    0.7 to 1.2, smaller ones as far as it can; 0 stays 0.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
    networks"; Bernstein & Newhouse 2024, "Old Optimizer, New Norm: An Anthology",
    appendix A.
    """
    if x.size(1) > x.size(2):
        return orthogonalize(x.mT, rounds).mT  # the products are smaller
    a, b, c = QUINTIC
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)  # values now 0 to 1
    for _ in range(rounds):
        square = x @ x.mT  # stack row row
        factor = b * square + c * (square @ square)  # its own transpose
        x = a * x + factor @ x  # a x + b x^3 + c x^5
    return x


class Muon(torch.optim.Optimizer):
    """One optimizer with two rules; each group of parameters says which, by "rule".

    A group with the rule "adamw" has the options of `torch.optim.AdamW`, which does the
    work. One with the rule "muon" (the default) holds matrices W, rows by columns as in
    `nn.Linear`. With the gradient G and its running mean M, a step is

        M = momentum * M + (1 - momentum) * G
        D = momentum * M + (1 - momentum) * G                   (Nesterov: look ahead)
        W = (1 - lr * weight_decay) * W
        W = W - lr * sqrt(max(1, rows / columns)) * orthogonalize(D)

    Matrices of equal shape, turned if need be, are orthogonalized together, in float32.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural
    networks"; Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """

    def __init__(
        self,
        params,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        rounds: int = 5,
    ):
        """`params` as in any optimizer; the options are for the groups of rule "muon".

        Raises ValueError, here and where a group is added, for an unknown rule, an
        option out of range, and parameters under the rule "muon" that are no matrices.
        """
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, options | {"rounds": rounds, "rule": "muon"})

    def add_param_group(self, param_group: dict) -> None:
        rule = param_group.get("rule", "muon")
        if rule not in RULES:
            raise ValueError(f"rule must be one of {RULES}, got rule={rule!r}")
        if rule == "adamw":
            torch.optim.AdamW([param_group])  # puts its defaults into the group
        super().add_param_group(param_group)
        if rule == "muon":
            _check(param_group)

    @torch.no_grad()
    def step(self, closure=None):
        """One step of every parameter that has a gradient; `closure` as in PyTorch."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            if group["rule"] == "muon":
                self._step_muon(group)
        others = [group for group in self.param_groups if group["rule"] == "adamw"]
        if others:
            adamw = torch.optim.AdamW(others)  # these groups, and our state
            adamw.state = self.state
            adamw.step()
        return loss

    def _step_muon(self, group: dict) -> None:
        """Stack what has one shape, orthogonalize the stack, subtract."""
        stacks = defaultdict(list)
        for weights in group["params"]:
            if weights.grad is not None:
                stacks[weights.device, *sorted(weights.shape)].append(weights)
        for stack in stacks.values():
            wanted = [
                self._direction(weights, weights.grad.float(), group["momentum"])
                for weights in stack
            ]
            steps = orthogonalize(torch.stack(wanted), group["rounds"])
            for weights, step in zip(stack, steps, strict=True):
                rows, columns = weights.shape
                scale = group["lr"] * math.sqrt(max(1, rows / columns))
                weights.mul_(1 - group["lr"] * group["weight_decay"])
                weights.add_(step.mT if rows > columns else step, alpha=-scale)

    def _direction(self, weights: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Where to go, before it is orthogonalized; wide, never tall."""
        state = self.state[weights]
        if not state:
            state["mean"] = torch.zeros_like(gradient)
        mean = state["mean"].lerp_(gradient, 1 - momentum)
        direction = gradient.lerp(mean, momentum)
        return direction.mT if weights.size(0) > weights.size(1) else direction


def _check(group: dict) -> None:
    """Raise ValueError for a group that the rule "muon" cannot work with."""
    allowed = {
        "lr": (group["lr"] >= 0, "at least 0"),
        "momentum": (0 <= group["momentum"] < 1, "at least 0 and below 1"),
        "weight_decay": (group["weight_decay"] >= 0, "at least 0"),
        "rounds": (group["rounds"] >= 1, "at least 1"),
    }
    for name, (fits, expected) in allowed.items():
        if not fits:
            raise ValueError(f"{name} must be {expected}, got {name}={group[name]!r}")
    for weights in group["params"]:
        if weights.dim() != 2:
            shape = tuple(weights.shape)
            raise ValueError(f'rule "muon" takes matrices, got a parameter of {shape}')
        if distributed.is_sharded(weights):
            raise ValueError('rule "muon" takes whole matrices, got slices: use AdamW')
