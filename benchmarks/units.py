"""What transfers: which units, and which objective.

    python -m benchmarks.units            about 7 minutes

Four bodies of width 128 learn from the same reviews without labels: their units are
whole words or 2,048 subwords, and they learn which units stand near each other
(negative samples) or which comes next (a GPT of three blocks). Then all stand still:
the vectors of a review are averaged, rare units counting more, and logistic regression
learns from 100 and 500 labels, with three seeds. Measured on 1,000 validation reviews.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from statistics import mean

import torch
from torch import Tensor

from benchmarks import Target, conclude
from lib import train, vectors
from lib.data import reviews
from lib.finetune.labeled import in_order
from lib.finetune.text_baselines import RARE, regression_on_averages
from lib.model.config import GPTConfig
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer, crop
from lib.train.row_adagrad import RowAdagrad
from lib.vectors.whole_texts import thinned_texts, word_shares

WIDTH, LONGEST, SUBWORDS = 128, 256, 2_048
LABELS, SEEDS, MEASURED = (100, 500), (0, 1, 2), 1_000
NEAR = {"steps": 2_228, "batch": 16}  # two rounds of the reviews
NEXT = {"subwords": 1_000, "words": 400}  # steps of 8 windows of 128 units
Vectors = Callable[[Tensor], Tensor]  # ids (batch, time) to (batch, time, width)


def near_by(texts: list[list[int]], vocab: int, units: str) -> Vectors:
    """Vectors of units alone, from the units within 30 places."""
    torch.manual_seed(0)
    model = vectors.SkipGram(vocab, WIDTH)
    torch.nn.init.normal_(model.word.weight, std=0.002)
    loss = partial(vectors.negative_sampling_of_texts, window=30, negatives=5)
    batches = thinned_texts(texts, word_shares(texts, vocab), NEAR["batch"])
    options = {"objective": loss, "schedule": train.linear_decay, "clip": 1e9}
    optimizer = RowAdagrad(model.parameters(), 0.3)
    train.train(model, optimizer, batches, NEAR["steps"], **options)
    return model.word


def next_token(texts: list[list[int]], vocab: int, units: str) -> Vectors:
    """Vectors of units in their text, from a GPT that predicts the next one."""
    torch.manual_seed(0)
    sizes = {"context": LONGEST, "width": WIDTH, "layers": 3, "heads": 4}
    parts = {"feed_forward": "squared_relu", "qk_norm": True, "zero_output": True}
    model = GPT(GPTConfig(vocab, **sizes, **parts, init_std=0.05))
    flat = torch.cat([torch.tensor(text) for text in texts])
    batches = train.windows(flat, batch=8, time=128)
    optimizer = train.muon(model, lr=0.04, adam_lr=0.012)
    history = train.train(model, optimizer, batches, NEXT[units])
    print(f"{units}, next token: {mean(history.losses[-50:]):.2f} nats")
    return model.eval().vectors  # padding stands at the end, where nobody looks


@torch.no_grad()
def averaged(texts: Iterable[list[int]], body: Vectors, shares: Tensor) -> Tensor:
    """A row for each text: the mean of its vectors, weighted as in `text_baselines`."""
    cropped = [crop(text, LONGEST) for text in texts]
    counts = RARE / (RARE + shares)
    rows = []
    for ids, lengths, _ in in_order(cropped, [0] * len(cropped), 16):
        real = torch.arange(ids.size(1)) < lengths[:, None]
        weights = counts[ids] * real
        weights = weights / weights.sum(dim=1, keepdim=True)
        rows.append((weights[:, None] @ body(ids))[:, 0])
    return torch.cat(rows)


def scores(encode, body: Vectors, shares: Tensor, split: reviews.Split) -> dict:
    """Accuracy by labels, a list over the seeds."""

    def rows(part):
        return averaged([encode(each.text) for each in part], body, shares).numpy()

    measured = split.validation[:MEASURED]
    features = rows(measured)
    truth = [each.positive for each in measured]
    found: dict[str, list[float]] = {}
    for many in LABELS:
        for seed in SEEDS:
            few = reviews.balanced_sample(split.training, many, seed)
            line = regression_on_averages()
            line.fit(rows(few), [each.positive for each in few])
            accuracy = round(float(line.score(features, truth)), 4)
            found.setdefault(str(many), []).append(accuracy)
    return found


def encoders(split: reviews.Split) -> dict[str, tuple[Callable, int]]:
    """For each kind of units, what turns a text into ids, and how many there are."""
    texts = [each.text for each in split.training]
    known = WordTokenizer.train(texts)
    pairs = BytePairTokenizer.train("\n".join(texts[:3_000]), SUBWORDS)
    first = len(SPECIAL)  # the first ids are no units, for words and for pairs
    return {
        "words": (known.encode, len(known)),
        "subwords": (lambda t: [first + n for n in pairs.encode(t)], first + SUBWORDS),
    }


def main() -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    figures = {"accuracy": {}, "seconds": {}}
    for units, (encode, vocab) in encoders(split).items():
        texts = [encode(each.text) for each in split.training]
        shares = word_shares(texts, vocab)
        for name, learn in (("near by", near_by), ("next", next_token)):
            began = time.process_time()
            body = learn(texts, vocab, units)
            figures["seconds"][f"{units}, {name}"] = round(time.process_time() - began)
            found = scores(encode, body, shares, split)
            figures["accuracy"][f"{units}, {name}"] = found
            print(f"{units}, {name}: {found}")
    conclude("units", figures, targets(figures), ["torch", "scikit-learn"])


def targets(figures: dict) -> list[Target]:
    """What the chapter says: first the objective, then the units."""
    best = {name: 100 * mean(by["500"]) for name, by in figures["accuracy"].items()}
    whole = best["words, near by"]
    pairs = best["subwords, near by"]
    over = pairs - max(best["words, next"], best["subwords, next"])
    return [
        Target("near by above next token", over, 5, "points"),
        Target("whole words above subwords", whole - pairs, 2, "points"),
    ]


if __name__ == "__main__":
    main()
