"""Adagrad with one rate for each row: made for tables with a row for each word."""

import torch


class RowAdagrad(torch.optim.Optimizer):
    """A row moves by lr * G / sqrt(S): G its gradient, S the sum of all its mean(G^2).

    A word that was met often moves less and less, a rare one still moves far, and each
    moves where its gradient points: a rate for each number, as `torch.optim.Adagrad`
    has, would bend that direction, and vectors that are averaged later come out worse.

    Sources: Duchi et al. 2011, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", equation 1; Mudigere et al. 2022, "Software-Hardware
    Co-design for Fast and Scalable Training of Deep Learning Recommendation Models".
    """

    def __init__(self, params, lr: float = 0.3, eps: float = 1e-10):
        """Raises ValueError unless `lr` is at least 0 and all parameters are tables."""
        if lr < 0:
            raise ValueError(f"lr must be at least 0, got lr={lr}")
        super().__init__(params, {"lr": lr, "eps": eps})

    def add_param_group(self, param_group: dict) -> None:
        super().add_param_group(param_group)
        for table in param_group["params"]:
            if table.dim() != 2:
                raise ValueError(f"params must be tables, got {tuple(table.shape)}")

    @torch.no_grad()
    def step(self, closure=None):
        """One step of every table that has a gradient; `closure` as in PyTorch."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None:
                    self._step(table, table.grad, group["lr"], group["eps"])
        return loss

    def _step(
        self, table: torch.Tensor, gradient: torch.Tensor, lr: float, eps: float
    ) -> None:
        state = self.state[table]
        if not state:
            state["sum"] = table.new_zeros(len(table), 1)
        state["sum"] += gradient.square().mean(dim=1, keepdim=True)
        table.addcdiv_(gradient, state["sum"].sqrt() + eps, value=-lr)
