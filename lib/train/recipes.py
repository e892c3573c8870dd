"""The book's recipe: how a small GPT learns most in a run of under a minute."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Int
from torch import Tensor

from lib.model.gpt import GPT
from lib.train.batches import windows
from lib.train.loop import train
from lib.train.optimizers import muon
from lib.train.run import Callback, History
from lib.train.schedules import warm_up_stable_decay


def short_run(
    model: GPT,
    ids: Int[Tensor, " text"],
    steps: int = 500,
    *,
    batch: int = 12,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
) -> History:
    """Train on random windows of `ids`: Muon, no warm-up, a rate that falls to 0.

    A step has `batch` windows of `model.config.context` tokens. The model is best the
    preset `SMALL`, for which these choices were made; each was measured by
    `python -m benchmarks.improvements`. Raises ValueError when the text is too short
    for one window and its target.
    """
    optimizer = muon(model)
    batches = windows(ids, batch, model.config.context, seed)
    falling = partial(warm_up_stable_decay, warm_up=0)
    return train(
        model, optimizer, batches, steps, schedule=falling, callbacks=callbacks
    )
