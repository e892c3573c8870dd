"""What goes wrong without each part of a GPT: six models, three seeds each.

    python -m benchmarks.ablations            about 6 minutes

Every model learns to predict the characters of the plays (two plays held out) with the
same batches, steps and learning rate. The first is the GPT of chapter 4; each other
lacks one part. Feed-forward parts are most of its parameters, so a last model has
attentions in their place: nine layers of them have as many parameters as three blocks.
Chapter 4 trains five of the models for fewer steps.
"""

from dataclasses import replace
from statistics import mean

import torch
from torch import Tensor

from benchmarks import Target, conclude, plays
from lib import train
from lib.model import count
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

SIZES = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
VARIANTS = {
    "whole": {},
    "no residual": {"residual": "none"},
    "no norm": {"norm": "none"},
    "no positions": {"positions": "none"},
    "no feed-forward": {"feed_forward": "none"},
    "no feed-forward, 9 layers": {"feed_forward": "none", "layers": 9},
}
SEEDS, STEPS, BATCH, TIME, LR = (0, 1, 2), 400, 12, 64, 0.012


def loss(config: GPTConfig, ids: Tensor, test: list[train.Batch], seed: int) -> float:
    """The held-out loss after the last step, in nats a character."""
    torch.manual_seed(seed)
    model = GPT(config)
    batches = train.windows(ids, BATCH, TIME, seed=seed)
    train.train(model, train.adamw(model, LR), batches, STEPS)
    return round(train.evaluate(model, test), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: the parts cost more than the seeds differ."""
    runs = figures["held_out_nats_by_seed"]
    whole = runs["whole"]
    return [
        Target(name, min(runs[name]) - max(whole), 0.02, "nats above any whole one")
        for name in ("no residual", "no positions", "no feed-forward")
    ] + [
        Target(
            "as many parameters in attention alone",
            mean(runs["no feed-forward, 9 layers"]) - mean(whole),
            0.02,
            "nats more",
        )
    ]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    ours = GPTConfig(text.vocab, **SIZES, init_std=0.06)
    configs = {name: replace(ours, **change) for name, change in VARIANTS.items()}
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "lr": LR, "steps": STEPS, "time": TIME},
        "parameters": {
            name: sum(count.parameters(config).values())
            for name, config in configs.items()
        },
        "held_out_nats_by_seed": {
            name: [loss(config, text.ids, test, seed) for seed in SEEDS]
            for name, config in configs.items()
        },
    }
    conclude("ablations", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
