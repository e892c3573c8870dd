"""The loop: draw a batch, measure the loss, step downhill, again."""

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lib.train import distributed
from lib.train.callbacks import Callback
from lib.train.console import interruptible, progress_bar, show_progress
from lib.train.run import Diverged, History, Run


def train(
    model: nn.Module,
    optimizer: Optimizer,
    batches: Iterable[tuple[Tensor, ...]],
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
                if distributed.any_of(run.interrupted):
                    run.history.stopped = "interrupted"
    except KeyboardInterrupt:
        run.failed, run.history.stopped = True, "interrupted"
    except BaseException as error:
        run.failed, run.history.stopped = True, str(error)
        raise


def take_step(run: Run) -> bool:
    """Add up the gradients of some batches, clip the sum, move the weights.

    Ends the run when there are no more batches; tells whether a step was taken.
    """
    batches = list(islice(run.batches, run.accumulate))
    if len(batches) < run.accumulate:
        run.history.stopped = "no more batches"
        return False
    rate = set_rate(run)
    forget_gradient(run)
    loss = sum(add_gradient(run, batch) for batch in batches)
    norm = clip_gradient(run)
    move_weights(run, loss, norm)
    run.history.record(loss, norm, rate, tokens=count_tokens(batches))
    return True


def set_rate(run: Run) -> float:
    """The learning rate of this step: the one asked for, times the schedule's factor.

    Each group of weights keeps the rate it was given as "initial_lr", as PyTorch does.
    """
    factor = run.schedule(run.step, run.steps)
    for group in run.optimizer.param_groups:
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
    return factor


def forget_gradient(run: Run) -> None:
    """Start the sum anew: the last step, or one that was broken off, left a gradient.

    `model.zero_grad()` would miss weights that `fully_shard` has put aside.
    """
    for weight in run.weights:
        weight.grad = None


def add_gradient(run: Run, batch: tuple[Tensor, ...]) -> float:
    """The share of one batch in the step: its gradient is added, its loss returned."""
    batch = tuple(tensor.to(run.device) for tensor in batch)
    half = run.precision == "bfloat16"
    with torch.autocast(run.device.type, torch.bfloat16, enabled=half):
        loss = run.objective(run.model, batch) / run.accumulate
    loss.backward()
    return loss.item()


def clip_gradient(run: Run) -> float:
    """Shorten the gradient to at most `clip`; return how long it was.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1.
    """
    norm = nn.utils.clip_grad_norm_(run.weights, run.clip)
    return distributed.whole(norm).item()


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
        length = distributed.whole(nn.utils.get_total_norm(run.weights)).item()
        if not math.isfinite(length):
            raise Diverged(run.history, f"the norm of the weights became {length}")
    except BaseException:
        restore(run)  # some weights may have moved, others not
        raise


def restore(run: Run) -> None:
    """Give the model the last weights that were seen to work."""
    torch._foreach_copy_(run.parts(), run.last_good)


def count_tokens(batches: Sequence[tuple[Tensor, ...]]) -> int:
    """How many tokens the batches hold, those of other processes included."""
    return distributed.count() * sum(batch[0].numel() for batch in batches)
