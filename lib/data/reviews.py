"""Reviews: the two sets of labeled texts of chapter 6, and how they are divided.

The test set is chosen once, by a fixed seed, and is there to measure: never to learn
from, never to choose by. 25,000 reviews are half of what was published, and this is not
the split that others report on.
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from lib.data import corpora
from lib.data.corpora import Review

TEST, VALIDATION, SEED = 5_000, 2_000, 6
SAME = 12  # that many words in a row are no accident
PLAIN = re.compile(r"[^\W_]+")


class Split(NamedTuple):
    """Reviews to learn from, to choose by, and to measure with at the very end."""

    training: list[Review]
    validation: list[Review]
    test: list[Review]


def imdb() -> Split:
    """The reviews from IMDB, each kept once: about 17,800, then 2,000 and 5,000."""
    return split([each for each in corpora.reviews() if each.source == "imdb"])


def rotten_tomatoes() -> list[Review]:
    """The sentences from Rotten Tomatoes, each kept once, to test on another source."""
    return without_copies(
        [each for each in corpora.reviews() if each.source == "rotten_tomatoes"]
    )


def split(
    reviews: Sequence[Review],
    test: int = TEST,
    validation: int = VALIDATION,
    seed: int = SEED,
) -> Split:
    """Drop copies, shuffle, and deal out: test first, then validation, then the rest.

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
    """The first of all reviews that open a sentence with the same `SAME` words.

    Capitals, spaces and punctuation do not count. A review posted twice, cut or with
    another ending, is a copy too: who learned from one would know the other.
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
    """The first `SAME` words of each sentence; the whole text if none is so long."""
    sentences = [PLAIN.findall(each) for each in re.split("[.!?]", text.lower())]
    long = [" ".join(each[:SAME]) for each in sentences if len(each) >= SAME]
    return long or [" ".join(PLAIN.findall(text.lower()))]


def draw(reviews: Sequence[Review], many: int, seed: int) -> list[Review]:
    """As many positive as negative reviews, drawn at random: a set with few labels.

    Raises ValueError when `many` is odd, below 2, or more than there are.
    """
    shuffled = random.Random(seed).sample(list(reviews), len(reviews))
    halves = [
        [review for review in shuffled if review.positive is positive][: many // 2]
        for positive in (False, True)
    ]
    if many < 2 or many % 2 or min(map(len, halves)) < many // 2:
        raise ValueError(
            f"many must be even, at least 2, and half of it at most the rarer class "
            f"among {len(reviews)} reviews, got many={many}"
        )
    return [review for pair in zip(*halves, strict=True) for review in pair]
