"""Word vectors from the training reviews: chapter 2's recipe at speed against gensim.

    python -m benchmarks.word_vectors            about 35 minutes

Both read the same texts as often, with the same width, window, negatives and threshold
for frequent words (of which gensim's rule keeps a few more). gensim's Word2Vec is
skip-gram with one worker, at its own learning rate and at twice that. How good vectors
are is how well a straight line through averages of them tells the
2,000 validation reviews, with 100 to all labels. Time is the processor's, one thread;
the result is stored beside those of other processors.
"""

import tempfile
import time
from pathlib import Path
from statistics import mean

import torch
from gensim.models import Word2Vec
from sklearn.metrics import accuracy_score
from torch import Tensor

from benchmarks import Target, conclude
from benchmarks.pretrain_review_encoder import WIDTH, WORDS, learn_words
from lib import vectors
from lib.data import reviews
from lib.finetune import text_baselines
from lib.tokens.word_tokenizer import SPECIAL, WordTokenizer
from lib.vectors.whole_texts import word_shares

LABELS, SEEDS = (100, 500, 2_000, None), (0, 1, 2)  # None: all of them
RATES = (0.025, 0.05)
ASKED = ("excellent", "awful", "boring", "actress", "alien")
Texts = list[list[int]]


def ours(texts: Texts, vocab: int) -> Tensor:
    """The first stage of `benchmarks.pretrain_review_encoder`."""
    with tempfile.TemporaryDirectory() as folder:
        learned, _ = learn_words(texts, word_shares(texts, vocab), Path(folder))
    return learned.word.weight.detach()


def by_gensim(texts: Texts, vocab: int, lr: float, passes: int) -> Tensor:
    """The same by gensim, which gets no word that is special."""
    model = Word2Vec(
        [[word for word in text if word >= len(SPECIAL)] for text in texts],
        sg=1,
        vector_size=WIDTH,
        window=WORDS["window"],
        negative=WORDS["negatives"],
        sample=WORDS["threshold"],
        min_count=1,
        epochs=passes,
        alpha=lr,
        workers=1,
        seed=0,
    )
    table = torch.zeros(vocab, WIDTH)
    table[torch.tensor(model.wv.index_to_key)] = torch.from_numpy(model.wv.vectors)
    return table


def timed(learn, *arguments) -> tuple[Tensor, float]:
    """What it learned, and the seconds of the processor that this took."""
    began = time.process_time()
    table = learn(*arguments)
    return table, round(time.process_time() - began, 1)


def accuracies(
    table: Tensor, tokenizer: WordTokenizer, split: reviews.Split
) -> dict[str, list[float]]:
    """Of a line through averaged vectors on the validation reviews, by labels, seed."""
    parts = split.training, split.validation
    x, other = (
        text_baselines.averages([each.text for each in part], tokenizer, table)
        for part in parts
    )
    y, truth = ([int(each.positive) for each in part] for part in parts)
    places = {id(each): n for n, each in enumerate(split.training)}
    found: dict[str, list[float]] = {}
    for many in LABELS:
        for seed in SEEDS if many else SEEDS[:1]:
            few = reviews.balanced_sample(parts[0], many, seed) if many else parts[0]
            rows = [places[id(each)] for each in few]
            line = text_baselines.regression_on_averages()
            line.fit(x[rows], [y[row] for row in rows])
            accuracy = accuracy_score(truth, line.predict(other))
            found.setdefault(str(many or "all"), []).append(round(accuracy, 4))
    return found


def neighbors(table: Tensor, tokenizer: WordTokenizer) -> dict[str, list[str]]:
    """The five words most like each of a few."""
    return {
        word: [
            tokenizer.tokens[other]
            for other, _ in vectors.nearest(table, tokenizer.ids[word], 5)
        ]
        for word in ASKED
        if word in tokenizer.ids
    }


def targets(figures: dict) -> list[Target]:
    """Ours are as good as gensim's at its better rate, and as fast."""
    rows = dict(figures["methods"])
    book = rows.pop("ours")
    seconds = min(row["processor_seconds"] for row in rows.values())
    behind = [
        100 * (max(mean(row["accuracy"][n]) for row in rows.values()) - mean(own))
        for n, own in book["accuracy"].items()
    ]
    ratio = book["processor_seconds"] / seconds
    return [
        Target("seconds of the processor", ratio, 1, "times gensim's", True),
        Target("accuracy behind gensim's", max(behind), 1, "points", True),
    ]


def main() -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    tokenizer = WordTokenizer.train(each.text for each in split.training)
    texts = [tokenizer.encode(each.text) for each in split.training]
    vocab = len(tokenizer)
    passes = round(WORDS["steps"] * WORDS["batch"] / len(texts))
    learned = {"ours": timed(ours, texts, vocab)}
    for lr in RATES:
        learned[f"gensim, rate {lr}"] = timed(by_gensim, texts, vocab, lr, passes)
    methods = {
        name: {
            "accuracy": accuracies(table, tokenizer, split),
            "neighbors": neighbors(table, tokenizer),
            "processor_seconds": seconds,
        }
        for name, (table, seconds) in learned.items()
    }
    figures = {
        "methods": methods,
        "passes": passes,
        "settings": WORDS | {"width": WIDTH, "vocab": vocab},
    }
    packages = ["torch", "gensim", "scikit-learn"]
    conclude("word_vectors", figures, targets(figures), packages, by_processor=True)


if __name__ == "__main__":
    main()
