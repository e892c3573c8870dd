"""Reviews: the two sets of labeled texts of chapter 8, and how they are split.

The test set is chosen once, by a fixed seed. It is only for measuring: never for
learning, never for choosing. The 25,000 reviews are half of what was published, and
this is not the split that others report on.
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from lib.data import corpora
from lib.data.corpora import Review

TEST = 5_000
VALIDATION = 2_000
SEED = 6
SAME = 12  # so many equal words in a row are no accident
PLAIN = re.compile(r"[^\W_]+")


class Split(NamedTuple):
    """Reviews to learn from, to choose by, and to measure on at the very end."""

    training: list[Review]
    validation: list[Review]
    test: list[Review]


def imdb() -> Split:
    """The reviews from IMDB, each once: about 17,800, then 2,000 and 5,000."""
    return split([each for each in corpora.reviews() if each.source == "imdb"])


def split(
    reviews: Sequence[Review],
    test: int = TEST,
    validation: int = VALIDATION,
    seed: int = SEED,
) -> Split:
    """Drop copies, shuffle, and split: test first, then validation, then the rest.

    Raises ValueError when nothing would be left to learn from.
    """
    kept = without_copies(reviews)
    if test < 1 or validation < 1 or test + validation >= len(kept):
        raise ValueError(
            f"{len(kept)} different reviews cannot give test={test} and "
            f"validation={validation}, both above 0, and leave some to learn from"
        )
    random.Random(seed).shuffle(kept)
    rest = test + validation
    return Split(kept[rest:], kept[test:rest], kept[:test])


def without_copies(reviews: Sequence[Review]) -> list[Review]:
    """Of all reviews that open a sentence with the same `SAME` words, only the first.

    Capitals, spaces and punctuation do not count. A review that was posted twice, once
    cut or with another ending, is a copy too: to learn one is to know the other.
    """
    seen: set[str] = set()
    kept = []
    for review in reviews:
        opens = set(openings(review.text))
        if not opens & seen:
            kept.append(review)
        seen |= opens
    return kept


def openings(text: str) -> list[str]:
    """The first `SAME` words of each sentence; the whole text if none has so many."""
    sentences = [PLAIN.findall(each) for each in re.split("[.!?]", text.lower())]
    long = [" ".join(each[:SAME]) for each in sentences if len(each) >= SAME]
    return long or [" ".join(PLAIN.findall(text.lower()))]


def balanced_sample(reviews: Sequence[Review], size: int, seed: int) -> list[Review]:
    """As many positive as negative reviews, drawn at random: a set with few labels.

    Raises ValueError when `size` is odd, below 2, or more than there are.
    """
    if type(size) is not int or size < 2 or size % 2:
        raise ValueError(f"size must be even and at least 2, got {size!r}")
    half = size // 2
    shuffled = random.Random(seed).sample(list(reviews), len(reviews))
    positive = [review for review in shuffled if review.positive][:half]
    negative = [review for review in shuffled if not review.positive][:half]
    if min(len(positive), len(negative)) < half:
        raise ValueError(
            f"size must be at most twice the rarer class among {len(reviews)} reviews, "
            f"got {size}"
        )
    pairs = zip(negative, positive, strict=True)
    return [review for pair in pairs for review in pair]
