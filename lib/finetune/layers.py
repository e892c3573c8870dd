"""Layers: how much of a pretrained body learns in fine-tuning.

None of it (`freeze`); its top first (`GradualUnfreezing`); all of it, lower layers more
slowly (`layerwise_adamw`); or a small addition to it alone (`lib.finetune.lora`).
"""

from collections.abc import Iterable

import torch
from torch import nn

from lib.finetune.classifier import Classifier, Tagger
from lib.model.modes import unwrap
from lib.train import Callback, Run


def weights_by_layer(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The layers of a `Classifier` or `Tagger` with their weights, top to bottom.

    "head" (with the pooling), "blocks.1" (with the last norm), "blocks.0", "embed":
    each weight once. An untied output layer, which a task does not use, is left out.
    Raises ValueError for any other model.
    """
    model = unwrap(model)
    if not isinstance(model, Classifier | Tagger):
        kind = type(model).__name__
        raise ValueError(f"model must be a Classifier or a Tagger, got a {kind}")
    body = model.body
    seen = {id(weight) for weight in body.parameters()}
    found = {"head": [w for w in model.parameters() if id(w) not in seen]}
    above = list(body.norm.parameters())  # of the topmost block's output
    for number, block in reversed(list(enumerate(body.blocks))):
        found[f"blocks.{number}"] = [*block.parameters(), *above]
        above = []
    found["embed"] = list(body.embed.parameters())
    return found


def freeze(model: nn.Module, except_for: Iterable[str] = ("head",)) -> None:
    """Stop all weights from learning, except for those of the named layers.

    The names are those of `weights_by_layer`. Raises ValueError for one that is not
    there.
    """
    weights = weights_by_layer(model)
    names = [except_for] if isinstance(except_for, str) else list(except_for)
    if unknown := [name for name in names if name not in weights]:
        raise ValueError(f"except_for must name some of {list(weights)}, got {unknown}")
    model.requires_grad_(False)
    for name in names:
        for weight in weights[name]:
            weight.requires_grad_(True)


class GradualUnfreezing(Callback):
    """Begins with the head alone; one more layer learns every `steps` steps.

    The optimizer must have all weights: make it while none is frozen. Source: Howard &
    Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", 3.3.
    """

    def __init__(self, steps: int):
        """Raises ValueError unless `steps` is above 0."""
        if steps < 1:
            raise ValueError(f"steps must be above 0, got {steps}")
        self.steps = steps

    def start(self, run: Run) -> None:
        self._thaw(run)

    def after_step(self, run: Run) -> None:
        if run.step % self.steps == 0:
            self._thaw(run)

    def _thaw(self, run: Run) -> None:
        model = unwrap(run.model)
        names = list(weights_by_layer(model))
        freeze(model, names[: 1 + run.step // self.steps])


def layerwise_adamw(
    model: nn.Module,
    lr: float,
    decay: float = 0.5,
    weight_decay: float = 0.01,
    betas: tuple[float, float] = (0.9, 0.99),
    fused: bool = True,
) -> torch.optim.AdamW:
    """AdamW with the rate `lr` for the head, and `decay` times as much one layer down.

    The lowest layers are the most general and change least. Vectors (norms, biases)
    have no weight decay. Raises ValueError unless 0 < decay <= 1.
    Source: Howard & Ruder 2018, section 3.2 ("discriminative fine-tuning").
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be above 0 and at most 1, got {decay}")
    groups = []
    for depth, weights in enumerate(weights_by_layer(model).values()):
        rate = lr * decay**depth
        matrices = [w for w in weights if w.dim() >= 2]
        vectors = [w for w in weights if w.dim() < 2]
        for group, shrink in ((matrices, weight_decay), (vectors, 0.0)):
            if group:
                groups.append({"params": group, "lr": rate, "weight_decay": shrink})
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=fused)


def trainable(model: nn.Module) -> tuple[int, int]:
    """How many of a model's parameters learn, and how many it has."""
    weights = list(model.parameters())
    learning = sum(weight.numel() for weight in weights if weight.requires_grad)
    return learning, sum(weight.numel() for weight in weights)
