"""Slices: where a classifier fails, by kinds of text that a rule on words can tell.

A rule does not understand. "Often negated" means that the text has many words such as
"not", whatever they negate. Slices overlap, and what goes along with a slice need not
be its cause. Irony has no rule here: a quoted word may be the title of a film.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lib.measure.intervals import mean_and_error
from lib.tokens.words import words_and_marks

Rule = Callable[[str], bool]
NEGATIONS = frozenset(
    "not no never nobody nothing none neither nor nowhere cannot without".split()
)
CONTRASTS = frozenset(
    "but however although though yet despite nevertheless otherwise".split()
)
RATING = re.compile(
    r"\b\d+(?:\.\d+)? ?(?:/|out of) ?(?:\d+|ten|five|four)\b|\b\d+ stars?\b"
    r"|\b(?:one|two|three|four|five|ten) (?:out of (?:ten|five|four)|stars?)\b",
    re.IGNORECASE,
)


class Slice(NamedTuple):
    """How many texts are in it, the share that was right, and its 95 % interval.

    Where answers are graded, `accuracy` is the mean of the grades.
    """

    size: int
    accuracy: float
    low: float
    high: float


def often(marks: frozenset[str], every: int) -> Rule:
    """At least one word in `every` is among the `marks`; "n't" counts as "not"."""

    def rule(text: str) -> bool:
        words = words_and_marks(text)
        hits = [w in marks or ("not" in marks and w.endswith("n't")) for w in words]
        return every * sum(hits) >= max(1, len(words))

    return rule


def longer_than(limit: int) -> Rule:
    """More than `limit` words: what `crop` has cut."""
    return lambda text: len(words_and_marks(text)) > limit


def shorter_than(limit: int) -> Rule:
    """Fewer than `limit` words."""
    return lambda text: len(words_and_marks(text)) < limit


def contains(pattern: re.Pattern[str]) -> Rule:
    """The text has a match of the pattern somewhere."""
    return lambda text: pattern.search(text) is not None


RULES: dict[str, Rule] = {
    "often negated": often(NEGATIONS, 40),
    "seldom negated": lambda text: not often(NEGATIONS, 100)(text),
    "many contrasts": often(CONTRASTS, 80),
    "a rating in numbers": contains(RATING),
    "under 120 words": shorter_than(120),
    "over 400 words": longer_than(400),
}


def by_rule(
    texts: Sequence[str], right: Sequence[bool], rules: Mapping[str, Rule] = RULES
) -> dict[str, Slice]:
    """How often a classifier was right, over all texts and on each slice of them.

    `right` says for each text whether its class was found. A slice without texts is
    left out. Raises ValueError when there is no text, or not one answer for each.
    """
    if not len(texts) or len(texts) != len(right):
        raise ValueError(f"{len(texts)} texts do not fit {len(right)} answers")
    chosen = {"all": list(right)}
    for name, rule in rules.items():
        chosen[name] = [ok for text, ok in zip(texts, right, strict=True) if rule(text)]
    return {name: counted(answers) for name, answers in chosen.items() if answers}


def counted(right: Sequence[bool]) -> Slice:
    """The share of right answers, with Wilson's 95 % interval.

    With few texts the interval is wide, and it never leaves 0 to 1. Raises ValueError
    when there is no answer, or one is neither true nor false.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical
    Inference".
    """
    if not len(right):
        raise ValueError("right must hold at least one answer, got none")
    if strange := [answer for answer in right if answer not in (0, 1)]:
        raise ValueError(f"right must be true or false for each, got {strange[:5]}")
    hits = sum(map(bool, right))
    from scipy.stats import binomtest  # takes half a second, so only here

    ends = binomtest(hits, len(right)).proportion_ci(0.95, method="wilson")
    return Slice(len(right), hits / len(right), float(ends.low), float(ends.high))


def averaged(grades: Sequence[float]) -> Slice:
    """The mean of grades between 0 and 1, with its 95 % interval.

    The interval is that of Student's t, cut off at 0 and 1; for a single grade it is
    from 0 to 1. Raises ValueError when there is no grade, or one is not in 0..1.

    Source: Student 1908, "The Probable Error of a Mean".
    """
    if not len(grades):
        raise ValueError("grades must hold at least one, got none")
    if strange := [grade for grade in grades if not 0 <= grade <= 1]:
        raise ValueError(f"grades must lie in 0..1, got {strange[:5]}")
    if len(grades) == 1:
        return Slice(1, float(grades[0]), 0.0, 1.0)
    from scipy.stats import t

    mean, error = mean_and_error(grades)
    margin = float(t.ppf(0.975, len(grades) - 1)) * error
    return Slice(len(grades), mean, max(0.0, mean - margin), min(1.0, mean + margin))
