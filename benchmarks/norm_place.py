"""The norm before a part, or after the addition: does a GPT learn, deep or not?

    python -m benchmarks.norm_place            about 4 minutes

Small GPTs of 3 and of 16 blocks learn to predict the characters of the plays (two plays
held out), with a low and a high learning rate and the same warm-up of 50 steps. All is
the same but the place of the norm. Three seeds.
"""

from itertools import product
from statistics import mean

import torch
from torch import Tensor

from benchmarks import Target, conclude, plays
from lib import train
from lib.measure import ngram
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

SIZES = {"context": 64, "width": 32, "heads": 2, "hidden": 86}
PLACES, LAYERS, RATES = ("pre", "post"), (3, 16), (0.001, 0.01)
SEEDS, STEPS, BATCH, TIME = (0, 1, 2), 200, 8, 64


def loss(
    config: GPTConfig, ids: Tensor, test: list[train.Batch], lr: float, seed: int
) -> float:
    """The held-out loss after training, in nats a character."""
    torch.manual_seed(seed)
    model = GPT(config)
    batches = train.windows(ids, BATCH, TIME, seed=seed)
    train.train(model, train.adamw(model, lr), batches, STEPS)
    return round(train.evaluate(model, test), 4)


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: at the high rate, deep post-norm fails."""
    deep = {
        run["norm"]: run["held_out_nats_by_seed"]
        for run in figures["runs"]
        if run["layers"] == max(LAYERS) and run["lr"] == max(RATES)
    }
    more = min(deep["post"]) - max(deep["pre"])
    best = abs(mean(deep["post"]) - figures["unigram_nats"])
    return [
        Target("16 blocks, high rate: post-norm", more, 0.5, "nats above any pre-norm"),
        Target("which is the unigram's", best, 0.1, "nats away", at_most=True),
    ]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)[:4]
    runs = []
    for layers, lr, place in product(LAYERS, RATES, PLACES):
        config = GPTConfig(
            text.vocab, **SIZES, layers=layers, residual=place, init_std=0.06
        )
        ends = [loss(config, text.ids, test, lr, seed) for seed in SEEDS]
        run = {"layers": layers, "lr": lr, "norm": place}
        runs.append(run | {"held_out_nats_by_seed": ends})
    counted = ngram.unigram(text.ids, text.vocab)
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "steps": STEPS, "time": TIME},
        "unigram_nats": round(ngram.unigram_loss(counted, text.held_out), 4),
        "runs": runs,
    }
    conclude("norm_place", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
