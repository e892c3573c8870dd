"""Too little text: what helps against learning it by heart?

    python -m benchmarks.little_data            about 4 minutes

The GPT of chapter 4 learns from the first 10,000 characters of Hamlet, and predicts the
plays that were held out; four others have dropout, more weight decay, fewer parameters
or ten times the text. Three seeds each. Stored is the held-out loss after every 25
steps.
"""

from dataclasses import replace
from statistics import mean

import torch

from benchmarks import Target, conclude, plays
from lib import train
from lib.data import corpora
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

SIZES = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
SMALLER = {"width": 32, "layers": 2, "hidden": 86}
LITTLE, SEEDS, STEPS, EVERY, BATCH, TIME, LR = 10_000, (0, 1, 2), 300, 25, 12, 64, 0.01
VARIANTS = {  # changes of the model, weight decay, characters
    "as it is": ({}, 0.1, LITTLE),
    "dropout 0.2": ({"dropout": 0.2}, 0.1, LITTLE),
    "weight decay 2": ({}, 2.0, LITTLE),
    "a smaller model": (SMALLER, 0.1, LITTLE),
    "ten times the text": ({}, 0.1, 10 * LITTLE),
}


def curves(config: GPTConfig, decay: float, ids, test, seed: int) -> list[float]:
    """Held-out loss after every `EVERY` steps, in nats a character."""
    torch.manual_seed(seed)
    model = GPT(config)
    history = train.train(
        model,
        train.adamw(model, LR, weight_decay=decay),
        train.windows(ids, BATCH, TIME, seed=seed),
        STEPS,
        callbacks=[train.Evaluate(EVERY, test)],
    )
    return [round(loss, 4) for _, loss in history.held_out]


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: more text does more than any cure."""
    best = {
        name: mean(min(run) for run in runs)
        for name, runs in figures["held_out_nats_by_seed"].items()
    }
    more = best.pop("ten times the text")
    gain = min(best.values()) - more
    return [Target("ten times the text, beside the best cure", gain, 0.1, "nats")]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    ids = text.ids[text.learned.index(corpora.shakespeare()["Hamlet"]) :]
    test = text.test(TIME)
    config = GPTConfig(text.vocab, **SIZES, init_std=0.06)
    losses = {
        name: [
            curves(replace(config, **change), decay, ids[:size], test, seed)
            for seed in SEEDS
        ]
        for name, (change, decay, size) in VARIANTS.items()
    }
    figures = {
        "config": SIZES | {"init_std": 0.06, "vocab": text.vocab},
        "training": {"batch": BATCH, "lr": LR, "steps": STEPS, "time": TIME},
        "steps": list(range(EVERY, STEPS + 1, EVERY)),
        "held_out_nats_by_seed": losses,
    }
    conclude("little_data", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
