"""Sentiment with few labels by the book's GPT: fine-tuned, its last vector classified.

    python -m benchmarks.gpt_labels [--keep FOLDER] [--device cuda]
    python -m benchmarks.gpt_labels --labels 100 500 --ways words scratch    a part
    python -m benchmarks.gpt_labels --validation      to choose settings by, not stored
    python -m benchmarks.gpt_labels --hub FOLDER      another model, not stored

Labels, seeds and test reviews are those of `benchmarks.imdb`, whose figures for the
body of word vectors and for counts stand beside these. With a question after each
review ("Overall, this movie is") the last vector already holds what would come next;
without one, it is the vector at the review's end. The head starts at zero, or ("words")
with the rows of the words of praise and blame, so that learning begins where asking
ends. The control is a GPT of the same size with random weights, which has nothing to
keep, so all of it learns at the head's rate.
Each run is kept in FOLDER as soon as it is known (default:
~/.cache/inside-gpt/gpt_labels); a part that is asked for is stored as a part. On a GPU
all takes minutes, on one core many hours; the part above takes about one.
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
from benchmarks.zero_shot import ADJECTIVES as ANSWERS
from lib import train
from lib.data import reviews
from lib.data.corpora import Review
from lib.data.wheels import cache_folder
from lib.finetune import classifier, layers, zero_shot
from lib.finetune.classifier import Classifier
from lib.finetune.labeled import in_order, labeled_batches
from lib.hub import pretrained
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer

LABELS, SEEDS = (100, 500, 2_000, None), (0, 1, 2)  # None: all of them
ASKED = " Overall, this movie is"
QUESTIONS = {"words": ASKED, "asked": ASKED, "plain": "", "scratch": ASKED}  # by way
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
    way: str,
    labels: int | None,
    seed: int,
) -> dict:
    """Fine-tune once and measure once."""
    began = time.perf_counter()
    torch.manual_seed(seed)
    body, tokenizer, _ = pretrained.load_gpt(
        "review_gpt", asked.hub or pretrained.FOLDER
    )
    if way == "scratch":
        body = GPT(body.config)
    model = Classifier(body, 2, "last")
    if way == "words":
        model.head.weight.data = zero_shot.answer_rows(body, tokenizer, ANSWERS)
    model.to(asked.device)
    texts, classes = encode(learned, tokenizer, QUESTIONS[way])
    train.train(
        model,
        layers.layerwise_adamw(model, RATE, 1.0 if way == "scratch" else DECAY),
        labeled_batches(texts, classes, BATCH, seed),
        STEPS[labels],
        objective=classifier.classification_loss,
        schedule=train.slanted_triangle,
    )
    texts, classes = encode(measured, tokenizer, QUESTIONS[way])
    found = classifier.predict(model, in_order(texts, classes)).argmax(dim=1).cpu()
    accuracy = (found == torch.tensor(classes)).float().mean().item()
    seconds = round(time.perf_counter() - began, 1)
    return {"accuracy": round(accuracy, 4), "seconds": seconds}


def fill(asked: argparse.Namespace, split: reviews.Split, key: list) -> dict:
    """The runs asked for, by way and labels, one a seed; the cheapest first."""
    found: dict = {way: {} for way in asked.ways}
    for labels in LABELS:
        if str(labels or "all") not in asked.labels:
            continue
        for way in asked.ways:
            runs = found[way].setdefault(str(labels or "all"), [])
            for seed in SEEDS:
                few = split.training
                if labels:
                    few = reviews.balanced_sample(split.training, labels, seed)
                told = (asked, few, split.test, way, labels, seed)
                file = f"{way}_{labels or 'all'}_{seed}"
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
    tuned = {way: by_labels(runs) for way, runs in figures["runs"].items()}
    words = figures["beside"]["layerwise"]
    wanted = (
        ("word vectors", {n: 100 * share for n, share in words.items()}, 0),
        ("the same from scratch", tuned.get("scratch", {}), 5),
    )
    return [
        Target(f"{n} labels: above {name}", mine - other[n], least, "points")
        for n, mine in tuned.get("words", {}).items()
        for name, other, least in wanted
        if n in other
    ]


def by_labels(runs: dict[str, list[dict]]) -> dict[str, float]:
    """The mean accuracy over the seeds, in percent."""
    return {n: 100 * mean(run["accuracy"] for run in each) for n, each in runs.items()}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    parser.add_argument("--keep", type=Path, default=cache_folder() / "gpt_labels")
    parser.add_argument("--device", default="cpu")
    every = [str(n or "all") for n in LABELS]
    parser.add_argument("--labels", nargs="+", choices=every, default=every)
    parser.add_argument("--ways", nargs="+", choices=QUESTIONS, default=[*QUESTIONS])
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
