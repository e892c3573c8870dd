"""Does the head learn too fast? Fine-tuning as in `benchmarks.imdb`, and a slower head.

    python -m benchmarks.head_rate            about 3 minutes

500 labels, three seeds. The head has its rate of the grid, or a tenth of it; block and
word vectors keep theirs. Measured are the highest training loss on the way and the
accuracy on 1,000 validation reviews.
"""

from statistics import mean

import torch

from benchmarks import Target, conclude, imdb
from lib import train
from lib.data import reviews
from lib.data.corpora import Review
from lib.finetune import classifier, layers
from lib.finetune.labeled import in_order, labeled_batches, word_dropout
from lib.hub.pretrained import load_encoder

LABELS, SEEDS, MEASURED = 500, (0, 1, 2), 1_000
SLOWER = 0.1  # of the head's rate
STEPS = imdb.STEPS[LABELS]


def tuned(share: float, seed: int, few: list[Review], measured: list[Review]) -> dict:
    """Fine-tune with `share` of the head's rate: highest training loss, accuracy."""
    torch.manual_seed(seed)
    pretrained = load_encoder("review_encoder")
    model = classifier.Classifier(pretrained.model, 2, imdb.POOLING)
    optimizer = layers.layerwise_adamw(model, *imdb.RATES[LABELS])
    slow_down_head(model, optimizer, share)
    learned, held_out = (imdb.encode(part, pretrained) for part in (few, measured))
    change = word_dropout(imdb.DROPOUT)
    history = train.train(
        model,
        optimizer,
        labeled_batches(*learned, imdb.BATCH, seed, change),
        STEPS,
        objective=classifier.classification_loss,
        schedule=train.slanted_triangle,
    )
    found = classifier.predict(model, in_order(*held_out)).argmax(dim=1)
    right = (found == torch.tensor(held_out[1])).float().mean().item()
    return {"accuracy": round(right, 4), "highest_loss": round(max(history.losses), 2)}


def slow_down_head(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, share: float
) -> None:
    """Multiply the rate of the head's weights; the others keep theirs."""
    head = {id(weight) for weight in layers.weights_by_layer(model)["head"]}
    for group in optimizer.param_groups:
        if id(group["params"][0]) in head:
            group["lr"] *= share


def main() -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    figures: dict[str, list[dict]] = {}
    for name, share in (("as in the grid", 1.0), ("a tenth", SLOWER)):
        for seed in SEEDS:
            few = reviews.balanced_sample(split.training, LABELS, seed)
            found = tuned(share, seed, few, split.validation[:MEASURED])
            figures.setdefault(name, []).append(found)
            print(f"{name}, seed {seed}: {found}")
    conclude("head_rate", figures, targets(figures), ["torch"])


def targets(figures: dict) -> list[Target]:
    """What chapter 8 says: the jump goes, and accuracy stays."""
    fast = figures["as in the grid"]
    slow = figures["a tenth"]
    highest = max(run["highest_loss"] for run in slow)
    gap = 100 * (
        mean(run["accuracy"] for run in slow) - mean(run["accuracy"] for run in fast)
    )
    return [
        Target("highest loss with a slower head", highest, 1.5, "nats", True),
        Target("accuracy with a slower head, above the grid's", gap, -1, "points"),
    ]


if __name__ == "__main__":
    main()
