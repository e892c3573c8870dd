"""What limits a run of under a minute: its steps, the model's size, or the text?

    python -m benchmarks.limits            about 10 minutes

The recipe of chapter 6 (`train.short_run`) on the plays, two of them held out, for
250, 500 and 1,000 steps; for 250 steps on a tenth of the text; and for 500 steps with a
model of a quarter of the parameters, which takes about as long as 250 with the whole.
Three seeds each.
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
NARROW = {"width": 64, "hidden": 128}
VARIANTS = {  # changes of the model, steps, share of the text
    "250 steps": ({}, 250, 1.0),
    "250 steps, a tenth of the text": ({}, 250, 0.1),
    "500 steps, a quarter of the parameters": (NARROW, 500, 1.0),
    "500 steps": ({}, 500, 1.0),
    "1,000 steps": ({}, 1000, 1.0),
}


def learn(
    text: plays.Plays, change: dict, steps: int, share: float, seed: int
) -> tuple[GPT, float]:
    """A model that has learned, and the processor's seconds that it took."""
    torch.manual_seed(seed)
    model = GPT(replace(SMALL, **{"vocab": text.vocab, "context": TIME} | change))
    ids = text.ids[: round(share * len(text.ids))]
    began = process_time()
    train.short_run(model, ids, steps, seed=seed)
    return model, process_time() - began


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: a longer run is what helps most."""
    nats = {name: mean(each["held_out_nats"]) for name, each in figures["runs"].items()}
    gain = nats["250 steps"] - nats["500 steps"]
    return [Target("twice the steps", gain, 0.05, "nats less")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    test, runs = text.test(TIME), {}
    for name, (change, steps, share) in VARIANTS.items():
        losses, seconds = [], []
        for seed in SEEDS:
            model, took = learn(text, change, steps, share, seed)
            losses.append(round(train.evaluate(model, test), 4))
            seconds.append(round(took, 1))
        runs[name] = {
            "held_out_nats": losses,
            "parameters": sum(p.numel() for p in model.parameters()),
            "processor_seconds": seconds,
            "steps": steps,
            "text": round(share * len(text.ids)),
        }
        print(f"{name:46}{mean(losses):8.4f}{mean(seconds):8.1f} s", flush=True)
    conclude("limits", {"runs": runs}, targets({"runs": runs}), ["torch"])


if __name__ == "__main__":
    main()
