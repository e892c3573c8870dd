"""A run: what learns, how, how far it has come, and what was measured on the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.optim import Optimizer

from lib.train import distributed
from lib.train.callbacks import Callback
from lib.train.objectives import Objective, token_loss
from lib.train.schedules import Schedule, warm_up_stable_decay

PRECISIONS = ("float32", "bfloat16")


@dataclass
class History:
    """What a run measured; the first three lists have one entry a step."""

    losses: list[float] = field(default_factory=list)  # nats, on the batch
    norms: list[float] = field(default_factory=list)  # of the gradient, unclipped
    rates: list[float] = field(default_factory=list)  # the schedule's factor
    held_out: list[tuple[int, float]] = field(default_factory=list)  # step, nats
    tokens: int = 0  # that were learned from
    stopped: str = ""  # why it ended early

    def record(self, loss: float, norm: float, rate: float, tokens: int) -> None:
        """One more step."""
        self.losses.append(loss)
        self.norms.append(norm)
        self.rates.append(rate)
        self.tokens += tokens


@dataclass
class Run:
    """A training run: what learns, how, and how far it has come. Callbacks get it."""

    model: nn.Module
    optimizer: Optimizer
    batches: Iterable[tuple[Tensor, ...]]
    steps: int
    callbacks: Sequence[Callback] = ()
    objective: Objective = token_loss
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
        self.batches = iter(self.batches)
        self.weights = list(self.model.parameters())
        self.device = self.weights[0].device
        self.last_good = [part.clone() for part in self.parts()]

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return len(self.history.losses)

    def parts(self) -> list[Tensor]:
        """The weights, or this process's slices of them, to be overwritten."""
        return [distributed.part(weight) for weight in self.weights]

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")


class Diverged(FloatingPointError):
    """The loss or its gradient is no longer a number; `history` tells how it came."""

    def __init__(self, history: History, what: str):
        super().__init__(
            f"{what} at step {len(history.losses) + 1}: the run stopped, and the model "
            "has its last good weights. A smaller learning rate or `clip` often helps."
        )
        self.history = history
