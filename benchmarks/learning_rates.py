"""Which learning rate? A range test, and what whole runs at each rate come to.

    python -m benchmarks.learning_rates            about 5 minutes

The range test lets the rate of AdamW rise by the same factor at every step of one short
run. Beside it stand runs at eight fixed highest rates, each with warm-up and decay. All
learn the plays' characters, with three seeds; the model is the GPT of chapter 4.
"""

from functools import partial
from statistics import mean

import torch

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

SIZES = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
SEEDS, BATCH, TIME = (0, 1, 2), 12, 64
RANGE_STEPS, LOWEST, HIGHEST = 150, 1e-5, 1.0
RATES, STEPS = (3e-4, 1e-3, 3e-3, 6e-3, 1e-2, 3e-2, 1e-1, 3e-1), 300


def run(vocab: int, ids, seed: int, lr: float, steps: int, **settings):
    """A model and the history of its run, which ends early where it diverges."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab, **SIZES, init_std=0.06))
    batches = train.windows(ids, BATCH, TIME, seed=seed)
    try:
        history = train.train(model, train.adamw(model, lr), batches, steps, **settings)
    except train.Diverged as error:
        history = error.history
    return model, history


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: near the best, the exact rate matters little."""
    ends = dict(zip(figures["rates"], figures["held_out_nats_by_seed"], strict=True))
    near = [mean(ends[rate]) for rate in (0.003, 0.006, 0.01)]
    spread = max(near) - min(near)
    return [Target("rates of 0.003 to 0.01 differ by", spread, 0.05, "nats", True)]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    rise = partial(train.exponential_rise, start=LOWEST / HIGHEST)
    rising = []
    ends = {rate: [] for rate in RATES}
    for seed in SEEDS:
        settings = {"schedule": rise, "clip": 1e9}
        _, history = run(text.vocab, text.ids, seed, HIGHEST, RANGE_STEPS, **settings)
        rising.append([round(loss, 4) for loss in history.losses])
        for rate in RATES:
            model, _ = run(text.vocab, text.ids, seed, rate, STEPS)
            ends[rate].append(round(train.evaluate(model, test), 4))
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "time": TIME, "steps": STEPS},
        "range_rates": [
            HIGHEST * rise(step, RANGE_STEPS) for step in range(RANGE_STEPS)
        ],
        "range_nats_by_seed": rising,
        "rates": RATES,
        "held_out_nats_by_seed": [ends[rate] for rate in RATES],
    }
    conclude("learning_rates", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
