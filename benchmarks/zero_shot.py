"""Sentiment with no training: the book's GPT is asked what it would write next.

    python -m benchmarks.zero_shot
    python -m benchmarks.zero_shot --hub FOLDER        another model, not stored

After a review stands a question, such as "Overall, this movie is", and the words of
praise are likelier or those of blame (`lib.finetune.zero_shot`). The question, and from
which difference on a review counts as positive, are chosen on the validation reviews;
then the 5,000 test reviews are measured once. `--reviews N` takes the first N of each,
to try it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from sklearn.metrics import roc_auc_score, roc_curve

from benchmarks import Target, conclude
from lib.data import reviews
from lib.data.corpora import Review
from lib.finetune.zero_shot import Question, ask
from lib.hub import pretrained
from lib.measure.slices import counted

ADJECTIVES = (
    "bad terrible awful horrible boring poor".split(),
    "good great wonderful excellent fantastic brilliant".split(),
)
NOUNS = (
    "mess disaster waste disappointment".split(),
    "masterpiece gem treat joy".split(),
)
QUESTIONS = {
    question.text.strip(): question
    for question in (
        Question(" All in all it was", ADJECTIVES),
        Question(" Overall, this movie is", ADJECTIVES),
        Question(" In short, this film is", ADJECTIVES),
        Question(" All in all, a", NOUNS),
        Question(" It is one of the", (["worst"], ["best"])),
        Question(" What a", NOUNS),
    )
}
TOGETHER = "all together"  # the differences of all questions, added up
SAMPLES = 1_000  # of the bootstrap
Scores = Float[np.ndarray, " review"]


def differences(
    stored: pretrained.PretrainedGPT,
    part: Sequence[Review],
    names: Sequence[str],
) -> dict[str, Scores]:
    """How much likelier praise is than blame, in nats, by question."""
    questions = [QUESTIONS[name] for name in names]
    rows = []
    for review in part:
        found = ask(stored.model, stored.tokenizer, review.text, questions)
        rows.append([(praise - blame).item() for blame, praise in found])
    columns = dict(zip(names, np.array(rows).T, strict=True))
    return columns | {TOGETHER: np.array(rows).sum(axis=1)}


def truth(part: Sequence[Review]) -> np.ndarray:
    return np.array([review.positive for review in part])


def best_bound(positive: np.ndarray, scores: Scores) -> float:
    """From which score on to say "positive", so that most are right."""
    wrong, right, bounds = roc_curve(positive, scores)
    share = positive.mean()
    accuracy = right * share + (1 - wrong) * (1 - share)
    return float(bounds[accuracy[1:].argmax() + 1])  # the first bound is infinity


def auc_interval(positive: np.ndarray, scores: Scores) -> tuple[float, float]:
    """The 95 % interval of the area under the curve, by drawing reviews anew.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    chance = np.random.default_rng(0)
    found = []
    for _ in range(SAMPLES):
        drawn = chance.integers(len(scores), size=len(scores))
        found.append(roc_auc_score(positive[drawn], scores[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def measured(positive: np.ndarray, scores: Scores, bound: float) -> dict:
    """Area under the curve and accuracy, each with its interval."""
    low, high = auc_interval(positive, scores)
    area = round(float(roc_auc_score(positive, scores)), 4)
    return {
        "accuracy": counted(((scores >= bound) == positive).tolist())._asdict(),
        "auc": {"auc": area, "low": low, "high": high},
    }


def figures_of(
    stored: pretrained.PretrainedGPT,
    validation: Sequence[Review],
    test: Sequence[Review],
) -> dict:
    """What was chosen on the validation reviews, and what it is worth on the others."""
    positive = truth(validation)
    scores = differences(stored, validation, [*QUESTIONS])
    areas = {
        name: round(float(roc_auc_score(positive, each)), 4)
        for name, each in scores.items()
    }
    print(areas, flush=True)
    chosen = max(areas, key=lambda name: areas[name])
    bound = best_bound(positive, scores[chosen])
    names = [*QUESTIONS] if chosen == TOGETHER else [chosen]
    return {
        "chosen": chosen,
        "bound_nats": round(bound, 4),
        "questions": {name: question.answers for name, question in QUESTIONS.items()},
        "validation": measured(positive, scores[chosen], bound),
        "validation_auc_by_question": areas,
        "test": measured(truth(test), differences(stored, test, names)[chosen], bound),
    }


def targets(figures: dict) -> list[Target]:
    return [
        Target("zero-shot, test reviews: AUC", figures["test"]["auc"]["auc"], 0.75, "")
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hub", type=Path, help="weights of another folder")
    parser.add_argument("--reviews", type=int, help="only the first of each part")
    parser.add_argument("--check", action="store_true", help="exit 1 on a miss")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    split = reviews.imdb()
    stored = pretrained.load_gpt("review_gpt", asked.hub or pretrained.FOLDER)
    if asked.hub or asked.reviews:  # a trial: the test reviews are not looked at
        part = split.validation[: asked.reviews]
        half = len(part) // 2
        figures = figures_of(stored, part[:half], part[half:])
        print(figures, *targets(figures), sep="\n")
        return
    figures = figures_of(stored, split.validation, split.test)
    figures["weights_sha256"] = stored.card["sha256"]
    conclude("zero_shot", figures, targets(figures), ["torch", "scikit-learn"])


if __name__ == "__main__":
    main(sys.argv[1:])
