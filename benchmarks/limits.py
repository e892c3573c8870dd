"""What limits a run of under a minute: its steps, or the size of the model?

    python -m benchmarks.limits            about 3 minutes

The recipe of chapter 6 (`train.short_run`) on the plays, two of them held out, for 150
and 300 steps, and for 300 steps with a model of a quarter of the parameters. Three
seeds each. The result is stored beside those of other processors.
"""

from dataclasses import replace
from statistics import mean
from time import process_time

import torch

from benchmarks import Target, conclude, plays
from lib import train
from lib.model.config import SMALL
from lib.model.gpt import GPT

SEEDS, TIME = (0, 1, 2), 64
VARIANTS = {  # changes of the model, steps
    "150 steps": ({}, 150),
    "300 steps, a quarter of the size": ({"width": 64, "hidden": 128}, 300),
    "300 steps": ({}, 300),
}


def learn(text: plays.Plays, change: dict, steps: int, seed: int) -> tuple[GPT, float]:
    """A model that has learned, and the processor's seconds that it took."""
    torch.manual_seed(seed)
    model = GPT(replace(SMALL, **{"vocab": text.vocab, "context": TIME} | change))
    began = process_time()
    train.short_run(model, text.ids, steps, seed=seed)
    return model, process_time() - began


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: a longer run is what helps most."""
    nats = {name: mean(each["held_out_nats"]) for name, each in figures["runs"].items()}
    gain = nats["150 steps"] - nats["300 steps"]
    return [Target("twice the steps", gain, 0.05, "nats less")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test = text.test(TIME)
    runs = {}
    for name, (change, steps) in VARIANTS.items():
        losses = []
        seconds = []
        for seed in SEEDS:
            model, took = learn(text, change, steps, seed)
            losses.append(round(train.evaluate(model, test), 4))
            seconds.append(round(took, 1))
        runs[name] = {
            "held_out_nats": losses,
            "parameters": sum(p.numel() for p in model.parameters()),
            "processor_seconds": seconds,
            "steps": steps,
        }
        print(f"{name:34}{mean(losses):8.4f}{mean(seconds):8.1f} s", flush=True)
    figures = {"runs": runs}
    conclude("limits", figures, targets(figures), ["torch"], by_processor=True)


if __name__ == "__main__":
    main()
