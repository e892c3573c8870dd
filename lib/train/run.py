"""A run: what learns, how, how far it has come; and what may hang on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from lib.train import distributed
from lib.train.objectives import Count, Objective, count_targets, token_loss
from lib.train.precision import PRECISIONS, half_type, loss_scaler
from lib.train.schedules import Schedule, warm_up_stable_decay


@dataclass
class History:
    """What a run measured; the first three lists have one entry a step."""

    losses: list[float] = field(default_factory=list)  # nats, on the step's batches
    norms: list[float] = field(default_factory=list)  # of the gradient, unclipped
    rates: list[float] = field(default_factory=list)  # the schedule's factor
    held_out: list[tuple[int, float]] = field(default_factory=list)  # step, nats
    tokens: int = 0  # that were learned from
    stopped: str = ""  # why it ended early

    def record(self, loss: float, norm: float, rate: float, tokens: int) -> None:
        """Add one more step."""
        self.losses.append(loss)
        self.norms.append(norm)
        self.rates.append(rate)
        self.tokens += tokens


@dataclass
class Run:
    """A training run: what learns, how, and how far it has come. Callbacks get it."""

    model: nn.Module
    optimizer: Optimizer
    batches: Iterator[tuple[Tensor, ...]]
    steps: int
    callbacks: Sequence["Callback"] = ()
    objective: Objective = token_loss
    count: Count = count_targets
    schedule: Schedule = warm_up_stable_decay
    clip: float = 1.0
    accumulate: int = 1
    precision: str = "float32"
    history: History = field(default_factory=History, init=False)
    interrupted: bool = field(default=False, init=False)  # Ctrl-C: stop after this step
    failed: bool = field(default=False, init=False)  # a step was broken off

    def __post_init__(self):
        """Raises ValueError that names the first setting that cannot be."""
        self._check("steps", self.steps >= 0, "at least 0")
        self._check("clip", self.clip > 0, "above 0")
        self._check("accumulate", self.accumulate >= 1, "at least 1")
        known = self.precision in PRECISIONS
        self._check("precision", known, f"one of {PRECISIONS}")
        self.callbacks = sorted(self.callbacks, key=lambda each: each.comes_last)
        self.batches = iter(self.batches)  # of a list, too, each is drawn once
        self.weights = list(self.model.parameters())
        if not self.weights:
            raise ValueError("model must have weights to train, got none")
        self.device = self.weights[0].device
        self.half = half_type(self.precision, self.device)
        self.scaler = loss_scaler(self.half, self.device)
        self.last_good = [part.clone() for part in self.parts()]

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return len(self.history.losses)

    def parts(self) -> list[Tensor]:
        """The weights, or this process's slices of them, to be overwritten."""
        return [distributed.part(weight) for weight in self.weights]

    def moved(self) -> list[nn.Parameter]:
        """The weights that the optimizer moves, in the order of the model."""
        groups = self.optimizer.param_groups
        known = {id(weight) for group in groups for weight in group["params"]}
        return [weight for weight in self.weights if id(weight) in known]

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")


class Callback:
    """Hangs on the loop. This one does nothing: yours overrides what it needs."""

    comes_last: bool = False  # after all others, wherever it stands in the list

    def restore(self, run: Run) -> None:
        """Called before any callback starts: `Checkpoint` brings the run back here."""

    def start(self, run: Run) -> None:
        """Called before the first step; in a resumed run `run.step` is above 0."""

    def after_step(self, run: Run) -> None:
        """Called after every step; `run.step` steps have been taken."""

    def finish(self, run: Run) -> None:
        """Called at the end, last callback first, also when the run failed."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know: tensors, numbers, words, lists of these."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; called after `start` in a resumed run."""


class Diverged(FloatingPointError):
    """The loss or its gradient is no longer a number; `history` tells how it came."""

    def __init__(self, history: History, what: str):
        super().__init__(
            f"{what} at step {len(history.losses) + 1}: the run stopped, and the model "
            "has its last good weights. A smaller learning rate or `clip` often helps."
        )
        self.history = history
