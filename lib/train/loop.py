"""The loop: draw a batch, measure the loss, step downhill, again."""

import math
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from lib.train import processes
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
    batches: Iterator[tuple[Tensor, ...]]
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
        return [processes.part(weight) for weight in self.weights]

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


def train(
    model: nn.Module,
    optimizer: Optimizer,
    batches: Iterator[tuple[Tensor, ...]],
    steps: int,
    *,
    callbacks: Sequence[Callback] = (),
    **settings,
) -> History:
    """Take `steps` steps down the objective; return what was measured on the way.

    `settings` are fields of `Run`: `objective` (the mean surprise at the next token),
    `schedule` (by what the learning rate is multiplied at each step), `clip` (the
    longest gradient), `accumulate` (batches in a step), `precision` ("float32", or
    "bfloat16" where PyTorch's autocast deems it safe). Callbacks are called at the
    start, after every step, and at the end, then last to first.

    Ctrl-C, or the notebook's stop button, ends the run after the step under way and
    keeps what was learned; a second one breaks that step off.

    Raises `Diverged` when the loss, the gradient or the weights are not finite,
    ValueError for a setting that cannot be.
    """
    run = Run(model, optimizer, batches, steps, tuple(callbacks), **settings)
    with ExitStack() as endings:
        for callback in run.callbacks:
            callback.start(run)
            endings.callback(callback.finish, run)
        take_steps(run)
    return run.history


def take_steps(run: Run) -> None:
    """Step after step, until the last one or until something stops the run."""
    run.model.train()
    try:
        with interruptible(run), progress_bar(run) as bar:
            while run.step < run.steps and not run.history.stopped:
                if take_step(run):
                    show_progress(bar, run)
                    for callback in run.callbacks:
                        callback.after_step(run)
                if processes.any_of(run.interrupted):
                    run.history.stopped = "interrupted"
    except KeyboardInterrupt:
        run.failed, run.history.stopped = True, "interrupted"
    except BaseException as error:
        run.failed, run.history.stopped = True, str(error)
        raise


def take_step(run: Run) -> bool:
    """Add up the gradients of some batches, clip the sum, move the weights.

    Ends the run when there are no more batches; tells whether a step was taken. Source
    of the clipping: Pascanu et al. 2013, "On the difficulty of training recurrent
    neural networks", algorithm 1.
    """
    batches = list(islice(run.batches, run.accumulate))
    if len(batches) < run.accumulate:
        run.history.stopped = "no more batches"
        return False
    factor = set_rate(run)
    run.model.zero_grad()
    loss = sum(add_gradient(run, batch) for batch in batches)
    norm = processes.whole(nn.utils.clip_grad_norm_(run.weights, run.clip)).item()
    move_weights(run, loss, norm)
    tokens = processes.count() * sum(batch[0].numel() for batch in batches)
    run.history.record(loss, norm, factor, tokens)
    return True


def set_rate(run: Run) -> float:
    """The learning rate of this step: the one asked for, times the schedule's factor.

    Each group of weights keeps the rate it was given as "initial_lr", as PyTorch does.
    """
    factor = run.schedule(run.step, run.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
    return factor


def add_gradient(run: Run, batch: tuple[Tensor, ...]) -> float:
    """The share of one batch in the step: its gradient is added, its loss returned."""
    batch = tuple(tensor.to(run.device) for tensor in batch)
    half = run.precision == "bfloat16"
    with torch.autocast(run.device.type, torch.bfloat16, enabled=half):
        loss = run.objective(run.model, batch) / run.accumulate
    loss.backward()
    return loss.item()


def move_weights(run: Run, loss: float, norm: float) -> None:
    """One step of the optimizer, taken back if it spoils the weights."""
    if not math.isfinite(loss):
        restore(run)  # the step before led here
        raise Diverged(run.history, f"the loss became {loss}")
    if not math.isfinite(norm):
        raise Diverged(run.history, f"the norm of the gradient became {norm}")
    torch._foreach_copy_(run.last_good, run.parts())
    try:
        run.optimizer.step()
        length = processes.whole(nn.utils.get_total_norm(run.weights)).item()
        if not math.isfinite(length):
            raise Diverged(run.history, f"the norm of the weights became {length}")
    except BaseException:
        restore(run)  # some weights may have moved, others not
        raise


def restore(run: Run) -> None:
    """Give the model the last weights that were seen to work."""
    torch._foreach_copy_(run.parts(), run.last_good)


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Let the first Ctrl-C ask the run to stop, where it would break off a step.

    Only a program's main thread is told of a Ctrl-C; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler

    def ask(*_) -> None:
        run.interrupted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def progress_bar(run: Run) -> tqdm:
    """A bar over the steps; it is gone when the run ends."""
    silent = processes.rank() > 0
    options = {"initial": run.step, "leave": False, "ncols": 76, "disable": silent}
    return tqdm(total=run.steps, **options)


def show_progress(bar: tqdm, run: Run) -> None:
    """Loss and tokens a second; the bar itself adds the time left."""
    if bar.disable:
        return
    seconds = max(1e-9, bar.format_dict["elapsed"])
    speed = run.history.tokens / seconds * (run.step - bar.initial) / run.step
    words = f"loss {run.history.losses[-1]:.2f}, {speed:,.0f} tokens/s"
    bar.set_postfix_str(words, refresh=False)
    bar.update(run.step - bar.n)
