"""What each part of the book's recipe is worth: it is left out, and the rest stays.

    python -m benchmarks.improvements            about 12 minutes

The recipe, the text and the number of tokens are those of `benchmarks.time_to_loss`.
In each row one choice is put back to what nanoGPT's recipe does there. AdamW needs
other rates than Muon: several are tried, and the best one stands.
"""

from dataclasses import replace
from functools import partial
from statistics import mean, stdev

import torch

from benchmarks import Target, conclude
from benchmarks.time_to_loss import Recipe, carry_out, recipes, texts
from lib.train import adamw, cosine

SEEDS = 0, 1, 2
ADAM_RATES = 0.003, 0.006, 0.012


def variants(whole: Recipe) -> dict[str, list[Recipe]]:
    """Each choice undone; more than one recipe where the best of them is meant."""

    def model(**change) -> list[Recipe]:
        return [replace(whole, config=replace(whole.config, **change))]

    quarter = {"batch": 4 * whole.batch, "steps": whole.steps // 4}
    return {
        "the whole recipe": [whole],
        "AdamW for Muon": [
            replace(whole, optimizer=partial(adamw, lr=rate)) for rate in ADAM_RATES
        ],
        "learned positions": model(positions="learned"),
        "no norm of queries and keys": model(qk_norm=False),
        "GELU": model(feed_forward="gelu"),
        "small, not zero, outputs": model(zero_output=False),
        "layer norm": model(norm="layer"),
        "tied matrices": model(tied=True),
        "batches four times as large": [replace(whole, **quarter)],
        "cosine to a tenth": [replace(whole, schedule=partial(cosine, warm_up=20))],
    }


def targets(figures: dict) -> list[Target]:
    """What the chapter says of them: Muon is worth most."""
    losses = {name: each["mean"] for name, each in figures["losses"].items()}
    gain = losses["AdamW for Muon"] - losses["the whole recipe"]
    return [Target("Muon in place of AdamW", gain, 0.1, "nats")]


def main() -> None:
    torch.set_num_threads(1)
    ids, held_out, vocab = texts()
    whole = recipes(vocab)["book"]
    table = {}
    for name, tried in variants(whole).items():
        runs = [[carry_out(recipe, ids, held_out, SEEDS[0])] for recipe in tried]
        best = min(range(len(tried)), key=lambda number: runs[number][0].loss)
        others = [carry_out(tried[best], ids, held_out, seed) for seed in SEEDS[1:]]
        losses = [outcome.loss for outcome in (*runs[best], *others)]
        seconds = [outcome.processor for outcome in (*runs[best], *others)]
        table[name] = {
            "held_out_nats": [round(loss, 4) for loss in losses],
            "mean": round(mean(losses), 4),
            "processor_seconds": round(mean(seconds), 2),
            "standard_error": round(stdev(losses) / len(losses) ** 0.5, 4),
        }
        worse = mean(losses) - table["the whole recipe"]["mean"]
        print(f"{name:30}{mean(losses):8.4f}{worse:+9.4f}{mean(seconds):7.1f} s")
    figures = {"adam_rates": ADAM_RATES, "losses": table, "tokens": whole.tokens}
    conclude("improvements", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
