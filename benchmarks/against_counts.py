"""Attention alone, and a whole GPT, against a 4-gram: three seeds.

    python -m benchmarks.against_counts            about 5 minutes

All predict the characters of two plays that none has learned from. The 4-gram counts
which character followed every three in the other plays. The models are those of
chapters 3 and 4, each trained as there.
"""

import torch
from torch import nn

from benchmarks import Target, conclude, plays
from lib import train
from lib.measure import ngram
from lib.model.attention_only import AttentionOnly
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

SEEDS, STEPS = (0, 1, 2), 1500


def attention_alone(vocab: int) -> nn.Module:
    """The model of chapter 3."""
    return AttentionOnly(vocab, width=64, heads=8, layers=2, rotary=True)


def whole(vocab: int) -> nn.Module:
    """The model of chapter 4."""
    sizes = {"context": 64, "width": 64, "layers": 3, "heads": 4, "hidden": 172}
    return GPT(GPTConfig(vocab, **sizes, init_std=0.06))


# What makes a model, and the settings that it trains with.
MODELS = {
    "attention alone": (attention_alone, {"batch": 16, "time": 48, "lr": 0.01}),
    "GPT": (whole, {"batch": 12, "time": 64, "lr": 0.012}),
}


def loss(name: str, text: plays.Plays, seed: int) -> float:
    """The held-out loss after training, in nats a character."""
    make, settings = MODELS[name]
    time = settings["time"]
    torch.manual_seed(seed)
    model = make(text.vocab)
    batches = train.windows(text.ids, settings["batch"], time, seed=seed)
    train.train(model, train.adamw(model, settings["lr"]), batches, STEPS)
    return round(train.evaluate(model, text.test(time)), 4)


def targets(figures: dict) -> list[Target]:
    """What chapters 3 and 4 say: the one loses to the counts, the other wins."""
    counts = figures["counts_of_four_nats"]
    runs = figures["held_out_nats_by_seed"]
    lost = min(runs["attention alone"]) - counts
    won = counts - max(runs["GPT"])
    return [
        Target("attention alone: above the counts", lost, 0.05, "nats"),
        Target("GPT: below the counts", won, 0.01, "nats"),
    ]


def main() -> None:
    torch.set_num_threads(1)
    text = plays.read()
    counts = ngram.ngram_loss(text.ids, text.held_out, text.vocab, order=4)
    figures = {
        "counts_of_four_nats": round(counts, 4),
        "parameters": {
            name: sum(p.numel() for p in make(text.vocab).parameters())
            for name, (make, _) in MODELS.items()
        },
        "training": {name: {"steps": STEPS} | s for name, (_, s) in MODELS.items()},
        "held_out_nats_by_seed": {
            name: [loss(name, text, seed) for seed in SEEDS] for name in MODELS
        },
    }
    conclude("against_counts", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
