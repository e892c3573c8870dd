"""Sentiment with few labels: what is pretrained, what is trained, and simple methods.

    python -m benchmarks.imdb [FOLDER]
    python -m benchmarks.imdb --validation [FOLDER]      to choose settings by
    python -m benchmarks.imdb --backwards [FOLDER]       a second one, to share the work

Every method learns from 100, 500, 2,000 and all labels, with three seeds, and is then
measured once on the 5,000 test reviews; with `--validation` on the 2,000 validation
reviews, which stores no result. Each figure is kept in FOLDER as soon as it is known
(default: ~/.cache/inside-gpt/imdb), so the same command goes on where it was stopped;
when all are there it stores the result.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import nn

from benchmarks import Target, conclude
from lib import train
from lib.data import reviews
from lib.data.corpora import Review
from lib.data.wheels import cache_folder
from lib.finetune import classifier, layers, lora, text_baselines
from lib.finetune.classifier import Classifier
from lib.finetune.labeled import in_order, labeled_batches, word_dropout
from lib.hub.pretrained import PretrainedEncoder, load_encoder
from lib.tokens.word_tokenizer import crop

LABELS, SEEDS = (100, 500, 2_000, None), (0, 1, 2)  # None: all of them
LONGEST = 512  # tokens of a review that the model reads: its beginning and its end
CROPPED = "share_of_test_reviews_cropped"
BATCH, DROPOUT, POOLING = 16, 0.3, "mean"
STEPS = {100: 150, 500: 200, 2_000: 500, None: 1_100}
# Of "layerwise" and "lora": the head's rate, and how much of it one layer down gets.
RATES = {100: (3e-2, 0.01), 500: (3e-2, 0.03), 2_000: (1e-2, 0.1), None: (1e-2, 0.1)}
ONE_RATE = {"full": 3e-4, "frozen": 3e-2, "scratch": 3e-3}
LORA = {"names": lora.ALL_LINEAR, "rank": 8, "alpha": 16.0}
SETTINGS = {
    "batch": BATCH,
    "longest": LONGEST,
    "lora": LORA,
    "one_rate": ONE_RATE,
    "pooling": POOLING,
    "rates": {str(n or "all"): rates for n, rates in RATES.items()},
    "simple_c": text_baselines.C,
    "steps": {str(n or "all"): steps for n, steps in STEPS.items()},
    "word_dropout": DROPOUT,
}
COUNTING = {
    "majority": text_baselines.majority,
    "tf-idf": text_baselines.tf_idf,
    "naive Bayes weights": text_baselines.naive_bayes_weights,
}
SIMPLE = (*COUNTING, "averaged vectors")
METHODS = ("full", "frozen", "layerwise", "lora", "scratch")


class Task(NamedTuple):
    """Reviews to learn from and reviews to measure on."""

    learned: list[Review]
    measured: list[Review]
    seed: int
    labels: int | None


class Scores(NamedTuple):
    """What one run gave."""

    accuracy: float
    f1: float
    trained: int  # numbers that learned
    seconds: float


def run(method: str, task: Task, body: Callable[[], PretrainedEncoder]) -> Scores:
    """Learn by one method and measure once."""
    began = time.perf_counter()
    work = simple if method in SIMPLE else tune
    found, trained = work(method, task, body)
    truth = [int(each.positive) for each in task.measured]
    accuracy = accuracy_score(truth, found)
    f1 = f1_score(truth, found, zero_division=0.0)
    seconds = round(time.perf_counter() - began, 1)
    return Scores(round(accuracy, 4), round(float(f1), 4), trained, seconds)


def simple(method: str, task: Task, body) -> tuple[np.ndarray, int]:
    """Methods without a network, on counted words or on averages of word vectors."""
    if method == "averaged vectors":
        pretrained = body()
        table = pretrained.model.embed.tokens.weight.detach()
        model = text_baselines.averaged_vectors(pretrained.tokenizer, table)
    else:
        model = COUNTING[method]()
    learned, measured = ([each.text for each in part] for part in task[:2])
    labels = [int(each.positive) for each in task.learned]
    found = text_baselines.fit(model, learned, labels).predict(measured)
    line = model[-1]
    return found, sum(np.size(getattr(line, n, ())) for n in ("coef_", "intercept_"))


def tune(method: str, task: Task, body) -> tuple[np.ndarray, int]:
    """Fine-tune the body, or train one like it from scratch."""
    torch.manual_seed(task.seed)
    pretrained = body()
    model, optimizer = prepare(method, pretrained, task.labels)
    learned, measured = (encode(part, pretrained) for part in task[:2])
    batches = labeled_batches(*learned, BATCH, task.seed, word_dropout(DROPOUT))
    train.train(
        model,
        optimizer,
        batches,
        STEPS[task.labels],
        objective=classifier.classification_loss,
        schedule=train.slanted_triangle,
    )
    found = classifier.predict(model, in_order(*measured)).argmax(dim=1)
    return found.numpy(), layers.trainable(model)[0]


def word_vectors() -> PretrainedEncoder:
    """The pretrained body; its block, which has learned nothing, is drawn anew."""
    pretrained = load_encoder("review_encoder")
    body = type(pretrained.model)(pretrained.model.config)
    body.embed.load_state_dict(pretrained.model.embed.state_dict())
    return pretrained._replace(model=body)


def prepare(
    method: str, pretrained: PretrainedEncoder, labels: int | None
) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The classifier of a method, and its optimizer."""
    body = pretrained.model
    if method == "scratch":
        body = type(body)(body.config)
    model = Classifier(body, 2, POOLING)
    if method in ("frozen", "lora"):
        layers.freeze(model)
    if method == "lora":
        lora.adapt(model, **LORA)
    if method in ONE_RATE:
        return model, train.adamw(model, ONE_RATE[method], weight_decay=0.01)
    return model, layers.layerwise_adamw(model, *RATES[labels])


def encode(
    part: list[Review], pretrained: PretrainedEncoder
) -> tuple[list[list[int]], list[int]]:
    """Cropped ids and labels."""
    texts = [crop(pretrained.tokenizer.encode(each.text), LONGEST) for each in part]
    return texts, [int(each.positive) for each in part]


def grid() -> Iterator[tuple[str, int | None, int]]:
    """Every method, number of labels and seed; the cheapest first."""
    for labels in LABELS:
        for method in (*SIMPLE, *METHODS):
            for seed in SEEDS:
                yield method, labels, seed


def fill(
    folder: Path,
    split: reviews.Split,
    body: Callable[[], PretrainedEncoder],
    backwards: bool = False,
) -> dict:
    """Run what is not there yet; a file for each run, written whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for method, labels, seed in [*grid()][:: -1 if backwards else 1]:
        path = folder / f"{method.replace(' ', '-')}_{labels or 'all'}_{seed}.json"
        if path.exists():
            continue
        few = split.training
        if labels:
            few = reviews.balanced_sample(split.training, labels, seed)
        scores = run(method, Task(few, split.test, seed, labels), body)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(scores._asdict()))
        fresh.rename(path)
        print(f"{method:20}{labels or len(few):6} labels, seed {seed}: {scores}")
    return collect(folder)


def collect(folder: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """All runs by method and labels, a list over the seeds."""
    found: dict = {}
    for method, labels, seed in grid():
        path = folder / f"{method.replace(' ', '-')}_{labels or 'all'}_{seed}.json"
        runs = found.setdefault(method, {}).setdefault(str(labels or "all"), [])
        runs.append(json.loads(path.read_text()))
    return found


def targets(figures: dict) -> list[Target]:
    """What chapter 8 hopes to reach; fine-tuned is "layerwise", chosen beforehand."""
    found = figures["runs"]

    def mean(method: str, labels: str) -> float:
        return 100 * statistics.mean(run["accuracy"] for run in found[method][labels])

    tuned = {n: mean("layerwise", n) for n in found["layerwise"]}
    bounds = {"100": 82, "500": 86, "2000": 87, "all": 89}
    reached = [
        Target(f"fine-tuned, {n} labels", tuned[n], bounds[n], "%") for n in bounds
    ]
    learn = {name: found[name]["500"][0]["trained"] for name in ("lora", "full")}
    share = 100 * learn["lora"] / learn["full"]
    worst = max(mean("full", n) - mean("lora", n) for n in bounds)
    over = tuned["all"] - mean("tf-idf", "all")
    gain = tuned["500"] - mean("scratch", "500")
    return [
        *reached,
        Target("all labels: above TF-IDF", over, 0, "points"),
        Target("500 labels: above the same from scratch", gain, 12, "points"),
        Target("LoRA: below full fine-tuning", worst, 1, "points", True),
        Target("LoRA: numbers that learn", share, 5, "% of all", True),
    ]


def key(body: PretrainedEncoder) -> str:
    """A name for these settings and weights: figures of others are not mixed in."""
    words = json.dumps([SETTINGS, body.card["sha256"]])
    return sha256(words.encode()).hexdigest()[:12]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    split = reviews.imdb()
    body = load_encoder("review_encoder")
    folder /= key(body)
    if "--validation" in sys.argv[1:]:
        split = split._replace(test=split.validation)
        folder = folder.with_name(f"validation-{folder.name}")
    backwards = "--backwards" in sys.argv[1:]
    found = fill(folder, split, word_vectors, backwards)
    if "--validation" in sys.argv[1:]:
        return
    long = [len(body.tokenizer.encode(each.text)) > LONGEST for each in split.test]
    figures = {
        "labels": {"all": len(split.training)},
        "runs": found,
        "settings": SETTINGS,
        CROPPED: round(sum(long) / len(long), 4),
        "weights_sha256": body.card["sha256"],
    }
    conclude("imdb", figures, targets(figures), ["torch", "scikit-learn"])


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:] if not word.startswith("--")]
    main(*given or [cache_folder() / "imdb"])
