"""Which optimizer? SGD, momentum and AdamW on the plays, each at several rates.

    python -m benchmarks.optimizers            about 10 minutes

All learn the plays' characters with the same schedule, clip and number of steps, with
three seeds; the model is that of `benchmarks.learning_rates`. AdamW also runs with one
part of the recipe left out: the warm-up, the decay, or the clip.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from statistics import mean

import torch
from torch import nn
from torch.optim import SGD, Optimizer

from benchmarks import Target, conclude, plays
from benchmarks.learning_rates import BATCH, SEEDS, SIZES, STEPS, TIME
from lib import train
from lib.model.config import GPTConfig
from lib.model.gpt import GPT


def momentum(model: nn.Module, lr: float) -> Optimizer:
    """Descent along a sum of past gradients, which keeps 0.9 of itself."""
    return SGD(model.parameters(), lr=lr, momentum=0.9)


def plain(model: nn.Module, lr: float) -> Optimizer:
    """Descent along the gradient of the last batch."""
    return SGD(model.parameters(), lr=lr)


RULES: dict[str, tuple[Callable[[nn.Module, float], Optimizer], tuple[float, ...]]] = {
    "SGD": (plain, (0.1, 0.3, 1.0, 3.0)),
    "momentum": (momentum, (0.03, 0.1, 0.3, 1.0)),
    "AdamW": (train.adamw, (0.003, 0.01, 0.03)),
}
RATE = 0.01  # of AdamW, where a part of the recipe is left out
SETTINGS: dict[str, dict] = {
    "the whole recipe": {},
    "no warm-up": {"schedule": partial(train.warm_up_stable_decay, warm_up=1)},
    "no decay": {"schedule": partial(train.warm_up_stable_decay, decay=0.0)},
    "no clip": {"clip": float("inf")},
}


def end(
    text: plays.Plays, test: list, seed: int, make: Callable, lr: float, **settings
) -> float:
    """The held-out loss after a run, which ends early where it diverges."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(text.vocab, **SIZES, init_std=0.06))
    batches = train.windows(text.ids, BATCH, TIME, seed=seed)
    with suppress(train.Diverged):  # the model then has its last good weights
        train.train(model, make(model, lr), batches, STEPS, **settings)
    return round(train.evaluate(model, test), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: at its best rate, AdamW is ahead."""
    best = {
        name: min(mean(losses) for losses in rates.values())
        for name, rates in figures["held_out_nats_by_rate"].items()
    }
    ahead = min(best["SGD"], best["momentum"]) - best["AdamW"]
    return [Target("AdamW ahead of SGD and momentum", ahead, 0.05, "nats")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    run = partial(end, text, test)
    by_rate = {
        name: {f"{lr:g}": [run(seed, make, lr) for seed in SEEDS] for lr in rates}
        for name, (make, rates) in RULES.items()
    }
    without = {
        name: [run(seed, train.adamw, RATE, **changed) for seed in SEEDS]
        for name, changed in SETTINGS.items()
    }
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "time": TIME, "steps": STEPS},
        "held_out_nats_by_rate": by_rate,
        "held_out_nats_without": without,
    }
    conclude("optimizers", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
