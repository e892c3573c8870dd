"""The loop: draw a batch, measure the loss, step downhill, again."""

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lib.train import distributed
from lib.train.console import interruptible, progress_bar, show_progress
from lib.train.objectives import Count, Objective, count_targets, token_loss, weigh
from lib.train.run import Callback, Diverged, History, Run
from lib.train.schedules import Schedule, warm_up_stable_decay


def train(
    model: nn.Module,
    optimizer: Optimizer,
    batches: Iterable[tuple[Tensor, ...]],
    steps: int,
    *,
    callbacks: Sequence[Callback] = (),
    objective: Objective = token_loss,
    count: Count = count_targets,
    schedule: Schedule = warm_up_stable_decay,
    clip: float = 1.0,
    accumulate: int = 1,
    precision: str = "float32",
) -> History:
    """Take `steps` steps down the objective; return what was measured on the way.

    - `callbacks` are called at the start, after every step, and at the end, then last
      to first.
    - `objective` is the loss of a model on a batch, a mean over its targets: by default
      the surprise at the next token, in nats.
    - `count` says how many targets a batch has. Every target of a step weighs the same,
      in whichever of its batches or processes it lies.
    - `schedule` gives what the learning rate is multiplied by at each step.
    - `clip` is the longest gradient; a longer one is shortened.
    - `accumulate` is the number of batches in a step.
    - `precision` is that of the products: "float32", "bfloat16", "float16" (with loss
      scaling), or "half", whichever of these two the device is made for.

    Ctrl-C, or the notebook's stop button, ends the run after the step under way and
    keeps what was learned; a second one breaks that step off.

    Raises `Diverged` when the loss, the gradient or the weights are not finite,
    ValueError for a setting that cannot be and for a step without a target.
    """
    run = Run(
        model,
        optimizer,
        iter(batches),
        steps,
        callbacks=callbacks,
        objective=objective,
        count=count,
        schedule=schedule,
        clip=clip,
        accumulate=accumulate,
        precision=precision,
    )
    for callback in run.callbacks:
        callback.restore(run)
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
        run.failed = True
        run.history.stopped = "interrupted"
    except BaseException as error:
        run.failed = True
        run.history.stopped = str(error)
        raise


def take_step(run: Run) -> bool:
    """Add up the gradients of some batches, clip the sum, move the weights.

    Ends the run when there are no more batches; tells whether a step was taken.
    """
    batches = list(islice(run.batches, run.accumulate))
    if len(batches) < run.accumulate:
        run.history.stopped = "no more batches"
        return False
    shares = share_targets(run, batches)
    rate = set_rate(run)
    forget_gradient(run)
    parts = zip(batches, shares, strict=True)
    loss = sum(add_gradient(run, batch, share) for batch, share in parts)
    loss = distributed.total(loss)
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


def share_targets(run: Run, batches: Sequence[tuple[Tensor, ...]]) -> list[float]:
    """Which share of the step's targets each batch has, those of other processes too.

    Raises ValueError when the step has no target at all.
    """
    counts = [run.count(batch) for batch in batches]
    total = distributed.total(sum(counts))
    if not total:
        raise ValueError(
            f"batches must have a target in every step, got none at step {run.step + 1}"
        )
    return [many / total for many in counts]


def add_gradient(run: Run, batch: tuple[Tensor, ...], share: float) -> float:
    """The part of one batch in the step: its gradient is added, its loss returned.

    `share` says how much of the step the batch is.
    """
    batch = tuple(tensor.to(run.device) for tensor in batch)
    half = run.half or torch.bfloat16
    with torch.autocast(run.device.type, half, enabled=run.half is not None):
        loss = weigh(run.objective(run.model, batch), share)
    everyone = distributed.processes()  # whose gradients are averaged, not added up
    run.scaler.scale(everyone * loss).backward()
    return loss.item()


def clip_gradient(run: Run) -> float:
    """Shorten the gradient to at most `clip`; return how long it was.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural
    networks", algorithm 1.
    """
    run.scaler.unscale_(run.optimizer)
    norm = nn.utils.clip_grad_norm_(run.moved(), run.clip)
    return distributed.whole(norm).item()


def move_weights(run: Run, loss: float, norm: float) -> None:
    """One step of the optimizer, taken back if it spoils the weights."""
    if not math.isfinite(loss):
        restore(run)  # the step before led here
        raise Diverged(run.history, f"the loss became {loss}")
    if not math.isfinite(norm):
        lower_scale(run, norm)
        return
    distributed.overwrite(run.last_good, run.parts())
    try:
        run.optimizer.step()
        length = distributed.whole(nn.utils.get_total_norm(run.weights)).item()
        if not math.isfinite(length):
            raise Diverged(run.history, f"the norm of the weights became {length}")
    except BaseException:
        restore(run)  # some weights may have moved, others not
        raise
    run.scaler.update()


def lower_scale(run: Run, norm: float) -> None:
    """Leave the weights as they are: the loss was scaled up too far for float16.

    Raises `Diverged` where the loss is not scaled up, and so that is not the reason.
    """
    scale = run.scaler.get_scale()
    if scale <= 1:
        raise Diverged(run.history, f"the norm of the gradient became {norm}")
    run.scaler.update(scale / 2)


def restore(run: Run) -> None:
    """Give the model the last weights that were seen to work."""
    distributed.overwrite(run.parts(), run.last_good)


def count_tokens(batches: Sequence[tuple[Tensor, ...]]) -> int:
    """How many tokens the batches hold, those of other processes included."""
    return distributed.processes() * sum(batch[0].numel() for batch in batches)
