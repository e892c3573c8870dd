"""Does a run with Muon need a warm-up? And the same run with AdamW?

    python -m benchmarks.warm_up            about 5 minutes

The recipe of chapter 6 on the plays, two of them held out, for 150 steps: with no
warm-up, as it is, and with 50 steps of it; then AdamW for all weights, both ways. And
the recipe again, where one of its two groups of weights alone warms up: the matrices in
the blocks, which Muon moves, or the rest, which Adam does. Three seeds each. Stored are
the held-out losses, by warm-up and seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import mean

import torch
from torch import nn
from torch.optim import Optimizer

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import SMALL
from lib.model.gpt import GPT

SEEDS, STEPS, BATCH, TIME = (0, 1, 2), 150, 12, 64
WARM_UPS = 0, 50
ONE_GROUP = {"its matrices alone": "muon", "the rest alone": "adamw"}  # name to rule
OPTIMIZERS: dict[str, Callable[[nn.Module], Optimizer]] = {
    "Muon, and Adam for the rest": train.muon,
    "AdamW for all, rate 0.006": partial(train.adamw, lr=0.006),
}


class WarmUp(train.Callback):
    """Warms up the weights of one rule alone: it changes the rate that they aim at."""

    def __init__(self, rule: str, steps: int):
        self.rule = rule
        self.steps = steps

    def start(self, run: train.Run) -> None:
        chosen = [g for g in run.optimizer.param_groups if g["rule"] == self.rule]
        self.rates = [(group, group["lr"]) for group in chosen]
        self.after_step(run)

    def after_step(self, run: train.Run) -> None:
        """Sets what the schedule's factor is multiplied with in the next step."""
        for group, rate in self.rates:
            group["initial_lr"] = rate * min(1, (run.step + 1) / self.steps)


def held_out(
    text: plays.Plays,
    optimizer: Callable[[nn.Module], Optimizer],
    seed: int,
    warm_up: int = 0,
    callbacks: Sequence[train.Callback] = (),
) -> float:
    """The held-out loss after training, in nats a character."""
    torch.manual_seed(seed)
    model = GPT(replace(SMALL, vocab=text.vocab, context=TIME))
    batches = train.windows(text.ids, BATCH, TIME, seed=seed)
    schedule = partial(train.warm_up_stable_decay, warm_up=warm_up)
    train.train(
        model,
        optimizer(model),
        batches,
        STEPS,
        schedule=schedule,
        callbacks=callbacks,
    )
    return round(train.evaluate(model, text.test(TIME)), 4)


def one_group(text: plays.Plays) -> dict[str, list[float]]:
    """The held-out losses by seed where one group of weights alone warms up."""
    return {
        name: [
            held_out(text, train.muon, seed, callbacks=[WarmUp(rule, WARM_UPS[-1])])
            for seed in SEEDS
        ]
        for name, rule in ONE_GROUP.items()
    }


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: with Muon a warm-up gains nothing."""
    without, gentle = (mean(each) for each in figures["Muon, and Adam for the rest"])
    return [Target("Muon: a warm-up gains", without - gentle, 0.01, "nats", True)]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    figures = {}
    for name, optimizer in OPTIMIZERS.items():
        figures[name] = [
            [held_out(text, optimizer, seed, warm_up) for seed in SEEDS]
            for warm_up in WARM_UPS
        ]
        print(name, [f"{mean(each):.4f}" for each in figures[name]], flush=True)
    figures["one group alone"] = one_group(text)
    print(figures["one group alone"], flush=True)
    conclude("warm_up", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
