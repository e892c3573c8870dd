"""What goes wrong without each part of a GPT: six models, three seeds each.

    python -m benchmarks.ablations            about 6 minutes

Every model learns to predict the characters of the plays (two plays held out) with the
same batches, steps and learning rate; all but the first lack one part, or have it in
another place. Chapter 4 trains five of them for 150 steps and draws these curves.
"""

from collections.abc import Iterator
from dataclasses import replace
from statistics import mean

import torch

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

VARIANTS = {
    "whole": {},
    "no residual": {"residual": "none"},
    "no norm": {"norm": "none"},
    "no feed-forward": {"feed_forward": "none"},
    "no positions": {"positions": "none"},
    "post-norm": {"residual": "post"},
}
SEEDS, STEPS, EVERY, BATCH, TIME, LR = (0, 1, 2), 1000, 50, 16, 32, 0.01


def curve(config: GPTConfig, ids, test: list[train.Batch], seed: int) -> list[float]:
    """Held-out loss after every `EVERY` steps, in nats a character."""
    torch.manual_seed(seed)
    model = GPT(config)
    batches: Iterator[train.Batch] = train.windows(ids, BATCH, TIME, seed=seed)
    history = train.train(
        model,
        train.adamw(model, LR),
        batches,
        STEPS,
        callbacks=[train.Evaluate(EVERY, test)],
    )
    return [loss for _, loss in history.held_out]


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: to lack positions still costs a lot at the end."""
    ends = {
        name: mean(run[-1] for run in runs)
        for name, runs in figures["held_out_nats_by_seed"].items()
    }
    cost = ends["no positions"] - ends["whole"]
    return [Target("without positions", cost, 0.2, "nats more")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    small = {"context": TIME, "width": 48, "layers": 4, "heads": 4, "hidden": 128}
    config = GPTConfig(text.vocab, **small, init_std=0.06)
    losses = {
        name: [curve(replace(config, **change), text.ids, test, seed) for seed in SEEDS]
        for name, change in VARIANTS.items()
    }
    figures = {
        "config": small | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "lr": LR, "steps": STEPS, "time": TIME},
        "steps": list(range(EVERY, STEPS + 1, EVERY)),
        "held_out_nats_by_seed": {
            name: [[round(loss, 4) for loss in run] for run in runs]
            for name, runs in losses.items()
        },
    }
    conclude("ablations", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
