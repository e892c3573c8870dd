"""Fine-tuning: a pretrained body learns a task from a few labels, and forgets little.

How much of the body may move is the question of this file: none of it (`freeze`), its
top first (`GradualUnfreezing`), all of it but its lower layers more slowly
(`layerwise_adamw`), or only a little beside it (`lib.finetune.lora`).
"""

from collections.abc import Iterable

import torch
from torch import nn

from lib.model.modes import unwrap
from lib.train import Callback, Run


def layers(model: nn.Module) -> list[tuple[str, list[nn.Parameter]]]:
    """The parts of a `Classifier` or `Tagger` with their weights, top to bottom.

    "head" (with what pools), "blocks.1" (with the last norm), "blocks.0", "embed": each
    weight once. The scores of tokens, which a task does not use, are left out.
    """
    body, seen = model.body, {id(w) for w in model.body.parameters()}
    head = [weight for weight in model.parameters() if id(weight) not in seen]
    parts = [("head", head), ("embed", list(body.embed.parameters()))]
    for number, block in enumerate(body.blocks):
        parts.insert(1, (f"blocks.{number}", list(block.parameters())))
    parts[1][1].extend(body.norm.parameters())
    return parts


def freeze(model: nn.Module, but: Iterable[str] = ("head",)) -> None:
    """Stop all weights but those of the named `layers` from learning.

    Raises ValueError for a name that is not there.
    """
    parts, but = dict(layers(model)), list(but)
    if unknown := [name for name in but if name not in parts]:
        raise ValueError(f"but must name some of {list(parts)}, got {unknown}")
    model.requires_grad_(False)
    for name in but:
        for weight in parts[name]:
            weight.requires_grad_(True)


class GradualUnfreezing(Callback):
    """Begins with the head alone and lets one more layer learn every `steps` steps.

    The optimizer must know all weights: build it while none is frozen. Source: Howard &
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
        names = [name for name, _ in layers(model)]
        freeze(model, names[: 1 + run.step // self.steps])


def layerwise_adamw(
    model: nn.Module,
    lr: float,
    decay: float = 0.5,
    weight_decay: float = 0.01,
    betas: tuple[float, float] = (0.9, 0.99),
    fused: bool = True,
) -> torch.optim.AdamW:
    """AdamW with the rate `lr` for the head, and `decay` times it one layer down.

    What lies deep is the most general, and changes least. Vectors (norms, biases) do
    not decay towards zero. Raises ValueError unless 0 < decay <= 1.
    Source: Howard & Ruder 2018, section 3.2 ("discriminative fine-tuning").
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay must be above 0 and at most 1, got {decay}")
    groups = []
    for depth, (_, weights) in enumerate(layers(model)):
        for shrinks in (True, False):
            group = [w for w in weights if (w.dim() >= 2) == shrinks]
            if group:
                shrink = weight_decay if shrinks else 0.0
                rate = lr * decay**depth
                groups.append({"params": group, "lr": rate, "weight_decay": shrink})
    return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=fused)


def trainable(model: nn.Module) -> tuple[int, int]:
    """How many of a model's numbers learn, and how many there are."""
    sizes = [(w.numel(), w.requires_grad) for w in model.parameters()]
    return sum(n for n, learns in sizes if learns), sum(n for n, _ in sizes)
