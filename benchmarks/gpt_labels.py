"""Sentiment with few labels by the book's GPT: fine-tuned, its last vector classified.

    python -m benchmarks.gpt_labels [--keep FOLDER] [--device cuda]
    python -m benchmarks.gpt_labels --validation      to choose settings by, not stored
    python -m benchmarks.gpt_labels --hub FOLDER      another model, not stored

Labels, seeds and test reviews are those of `benchmarks.imdb`, whose figures for the
body of word vectors and for counts stand beside these. With a question after each
review ("Overall, this movie is") the last vector already holds what would come next;
without one, it is the vector at the review's end. Each run is kept in FOLDER as soon as
it is known (default: ~/.cache/inside-gpt/gpt_labels). On a GPU it takes minutes, on one
core many hours.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import torch

from benchmarks import RESULTS, Target, conclude
from benchmarks.bits_a_character import kept
from lib import train
from lib.data import reviews
from lib.data.corpora import Review, cache_folder
from lib.finetune import classifier, layers
from lib.finetune.classifier import Classifier
from lib.finetune.labeled import in_order, labeled_batches
from lib.hub import pretrained
from lib.tokens.tokenizer import BytePairTokenizer

LABELS, SEEDS = (100, 500, 2_000, None), (0, 1, 2)  # None: all of them
QUESTIONS = {"asked": " Overall, this movie is", "plain": ""}
LONGEST, BATCH = 256, 16  # tokens of a review, from its end; reviews a step
STEPS = {100: 40, 500: 100, 2_000: 250, None: 1_100}
RATE, DECAY = 1e-3, 0.7  # of the head, and how much of it one layer down gets
SETTINGS = {"batch": BATCH, "decay": DECAY, "longest": LONGEST, "rate": RATE}
SETTINGS |= {"steps": {str(n or "all"): steps for n, steps in STEPS.items()}}


def encode(
    part: Sequence[Review], tokenizer: BytePairTokenizer, question: str
) -> tuple[list[list[int]], list[int]]:
    """The end of each review with the question after it, and the labels."""
    asked = tokenizer.encode(question)
    room = LONGEST - len(asked)
    texts = [[*tokenizer.encode(each.text)[-room:], *asked] for each in part]
    return texts, [int(each.positive) for each in part]


def run(
    asked: argparse.Namespace,
    learned: Sequence[Review],
    measured: Sequence[Review],
    question: str,
    labels: int | None,
    seed: int,
) -> dict:
    """Fine-tune once and measure once."""
    began = time.perf_counter()
    torch.manual_seed(seed)
    stored = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER)
    model = Classifier(stored.model, 2, "last").to(asked.device)
    texts, classes = encode(learned, stored.tokenizer, question)
    train.train(
        model,
        layers.layerwise_adamw(model, RATE, DECAY),
        labeled_batches(texts, classes, BATCH, seed),
        STEPS[labels],
        objective=classifier.classification_loss,
        schedule=train.slanted_triangle,
    )
    texts, classes = encode(measured, stored.tokenizer, question)
    found = classifier.predict(model, in_order(texts, classes)).argmax(dim=1).cpu()
    accuracy = (found == torch.tensor(classes)).float().mean().item()
    seconds = round(time.perf_counter() - began, 1)
    return {"accuracy": round(accuracy, 4), "seconds": seconds}


def fill(asked: argparse.Namespace, split: reviews.Split, key: list) -> dict:
    """All runs by question and labels, a list over the seeds; the cheapest first."""
    found: dict = {name: {} for name in QUESTIONS}
    for labels in LABELS:
        for name, question in QUESTIONS.items():
            runs = found[name].setdefault(str(labels or "all"), [])
            for seed in SEEDS:
                few = split.training
                if labels:
                    few = reviews.balanced_sample(split.training, labels, seed)
                told = (asked, few, split.test, question, labels, seed)
                file = f"{name}_{labels or 'all'}_{seed}"
                runs.append(kept(asked.keep, file, key, lambda told=told: run(*told)))
    return found


def beside() -> dict[str, dict[str, float]]:
    """Mean accuracy by labels, of the body of word vectors and of counts."""
    stored = json.loads((RESULTS / "imdb.json").read_text())["figures"]["runs"]
    return {
        name: {n: mean(run["accuracy"] for run in runs) for n, runs in by.items()}
        for name, by in stored.items()
        if name in ("layerwise", "naive Bayes weights", "tf-idf")
    }


def targets(figures: dict) -> list[Target]:
    """What pretraining a whole GPT should be worth."""
    tuned = {
        labels: 100 * mean(run["accuracy"] for run in runs)
        for labels, runs in figures["runs"]["asked"].items()
    }
    words = figures["beside"]["layerwise"]
    return [
        Target(
            f"{n} labels: above word vectors", tuned[n] - 100 * words[n], 0, "points"
        )
        for n in tuned
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    parser.add_argument("--keep", type=Path, default=cache_folder() / "gpt_labels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 on a miss")
    asked = parser.parse_args(arguments)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    split = reviews.imdb()
    trial = asked.validation or asked.hub is not None
    if trial:
        split = split._replace(test=split.validation)
    card = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER).card
    runs = fill(asked, split, [SETTINGS, QUESTIONS, card["sha256"], trial])
    figures = {
        "beside": beside(),
        "runs": runs,
        "settings": SETTINGS | {"questions": QUESTIONS},
        "weights_sha256": card["sha256"],
    }
    if not trial:
        conclude("gpt_labels", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main(sys.argv[1:])
