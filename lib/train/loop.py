"""The loop: draw a batch, measure the loss, step downhill, again."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from lib.train.callbacks import Callback
from lib.train.objectives import Objective, token_loss
from lib.train.schedules import Schedule, warm_up_stable_decay

PRECISIONS = ("float32", "bfloat16")


@dataclass
class History:
    """What a run measured; the lists have one entry a step."""

    losses: list[float] = field(default_factory=list)  # nats, on the batch
    norms: list[float] = field(default_factory=list)  # of the gradient, unclipped
    rates: list[float] = field(default_factory=list)  # the schedule's factor
    held_out: list[tuple[int, float]] = field(default_factory=list)  # step, nats
    tokens: int = 0  # that were learned from
    stopped: str = ""  # why it ended early


@dataclass
class Run:
    """A training run: what learns, how, and how far it has come. Callbacks get it."""

    model: nn.Module
    optimizer: Optimizer
    batches: Iterator[tuple[Tensor, ...]]
    steps: int
    objective: Objective = token_loss
    schedule: Schedule = warm_up_stable_decay
    clip: float = 1.0
    accumulate: int = 1
    precision: str = "float32"
    history: History = field(default_factory=History)

    def __post_init__(self):
        """Raises ValueError that names the first setting that cannot be."""
        self._check("steps", self.steps >= 0, "at least 0")
        self._check("clip", self.clip > 0, "above 0")
        self._check("accumulate", self.accumulate >= 1, "at least 1")
        known = self.precision in PRECISIONS
        self._check("precision", known, f"one of {PRECISIONS}")
        self.weights = list(self.model.parameters())
        self.device = self.weights[0].device
        self.last_good = [weight.detach().clone() for weight in self.weights]

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return len(self.history.losses)

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")


class Diverged(FloatingPointError):
    """The loss or its gradient is no longer a number; `history` tells how it came."""

    def __init__(self, history: History, what: str):
        super().__init__(
            f"{what} at step {len(history.losses)}: the run stopped, and the model has "
            "its last good weights. A smaller learning rate or `clip` often helps."
        )
        self.history = history


def train(
    model: nn.Module,
    optimizer: Optimizer,
    batches: Iterator[tuple[Tensor, ...]],
    steps: int,
    *,
    callbacks: Iterable[Callback] = (),
    **settings,
) -> History:
    """Take `steps` steps down the objective; return what was measured on the way.

    `settings` are fields of `Run`: `objective` (the mean surprise at the next token),
    `schedule` (by what the learning rate is multiplied at each step), `clip` (the
    longest gradient), `accumulate` (batches in a step), `precision` ("float32", or
    "bfloat16" where PyTorch's autocast deems it safe). Callbacks are called at the
    start, after every step, and at the end. An interrupt (Ctrl-C, the notebook's stop
    button) ends the run early and keeps what was learned.

    Raises `Diverged` when the loss or the gradient is not finite, ValueError for a
    setting that cannot be.
    """
    run = Run(model, optimizer, batches, steps, **settings)
    callbacks = list(callbacks)
    model.train()
    try:
        for callback in callbacks:
            callback.start(run)
        with progress_bar(run) as bar:
            while run.step < steps and not run.history.stopped:
                if take_step(run):
                    show_progress(bar, run)
                    for callback in callbacks:
                        callback.after_step(run)
    except KeyboardInterrupt:
        run.history.stopped = "interrupted"
    finally:
        for callback in callbacks:
            callback.finish(run)
    return run.history


def take_step(run: Run) -> bool:
    """Set the rate, add up the gradients of some batches, clip them, move the weights.

    Ends the run when there are no more batches; tells whether a step was taken. Source
    of the clipping: Pascanu et al. 2013, "On the difficulty of training recurrent
    neural networks", algorithm 1.
    """
    factor = run.schedule(run.step, run.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
    batches = list(islice(run.batches, run.accumulate))
    if len(batches) < run.accumulate:
        run.history.stopped = "no more batches"
        return False
    loss = sum(add_gradient(run, batch) for batch in batches)
    norm = nn.utils.clip_grad_norm_(run.weights, run.clip).item()
    move_weights(run, loss, norm)
    run.history.losses.append(loss)
    run.history.norms.append(norm)
    run.history.rates.append(factor)
    run.history.tokens += sum(batch[0].numel() for batch in batches)
    return True


def add_gradient(run: Run, batch: tuple[Tensor, ...]) -> float:
    """The share of one batch in the step: its gradient is added, its loss returned."""
    batch = tuple(tensor.to(run.device) for tensor in batch)
    half = run.precision == "bfloat16"
    with torch.autocast(run.device.type, torch.bfloat16, enabled=half):
        loss = run.objective(run.model, batch) / run.accumulate
    loss.backward()
    return loss.item()


def move_weights(run: Run, loss: float, norm: float) -> None:
    """One step of the optimizer, unless that would spoil the weights."""
    if not math.isfinite(loss):
        restore(run)  # the last step led here: take it back
        raise Diverged(run.history, f"the loss became {loss}")
    if not math.isfinite(norm):
        raise Diverged(run.history, f"the norm of the gradient became {norm}")
    torch._foreach_copy_(run.last_good, [w.detach() for w in run.weights])
    try:
        run.optimizer.step()
    except KeyboardInterrupt:
        restore(run)  # some weights had moved, others not
        raise
    finally:
        run.optimizer.zero_grad()


def restore(run: Run) -> None:
    """Give the model the last weights that were seen to work."""
    with torch.no_grad():
        for weight, good in zip(run.weights, run.last_good, strict=True):
            weight.copy_(good)


def progress_bar(run: Run) -> tqdm:
    """A bar over the steps; it is gone when the run ends."""
    return tqdm(total=run.steps, initial=run.step, leave=False, ncols=76)


def show_progress(bar: tqdm, run: Run) -> None:
    """Loss and tokens a second; the bar itself adds the time left."""
    seconds = max(1e-9, bar.format_dict["elapsed"])
    speed = run.history.tokens / seconds * (run.step - bar.initial) / run.step
    words = f"loss {run.history.losses[-1]:.2f}, {speed:,.0f} tokens/s"
    bar.set_postfix_str(words, refresh=False)
    bar.update(run.step - bar.n)
