"""Slices: where a classifier fails, by kinds of text that a rule on words can tell.

A rule is no reading. "Often negated" means that many words such as "not" stand there,
whatever they negate, and a quoted word may be irony or the title of a film. Slices
overlap, and what goes along with a slice need not be its cause.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lib.tokens.word_tokenizer import words

Rule = Callable[[str], bool]
NEGATIONS = frozenset(
    "not no never nobody nothing none neither nor nowhere cannot without".split()
)
CONTRASTS = frozenset(
    "but however although though yet despite nevertheless otherwise".split()
)
IRONY = re.compile(
    r"[\"“]\w+(?: \w+)?[\"”]|\b(?:yeah,? right|oh,? (?:sure|great|joy)|so-called)\b"
    r"|\b(?:supposedly|gee|of course)\b|\(!\)",
    re.IGNORECASE,
)
RATING = re.compile(
    r"\b\d+(?:\.\d+)? ?(?:/|out of) ?(?:\d+|ten|five|four)\b|\b\d+ stars?\b"
    r"|\b(?:one|two|three|four|five|ten) (?:out of (?:ten|five|four)|stars?)\b",
    re.IGNORECASE,
)


class Slice(NamedTuple):
    """How many texts there are, the share that was right, and its 95 % interval."""

    many: int
    accuracy: float
    low: float
    high: float


def often(marks: frozenset[str], every: int) -> Rule:
    """At least one word in `every` is among the `marks`; "n't" counts as "not"."""

    def rule(text: str) -> bool:
        found = words(text)
        marked = [w in marks or ("not" in marks and w.endswith("n't")) for w in found]
        return every * sum(marked) >= max(1, len(found))

    return rule


def longer_than(many: int) -> Rule:
    """More than so many words: what `crop` has cut."""
    return lambda text: len(words(text)) > many


def shorter_than(many: int) -> Rule:
    """Fewer than so many words."""
    return lambda text: len(words(text)) < many


def found(pattern: re.Pattern[str]) -> Rule:
    """The pattern stands somewhere in the text."""
    return lambda text: pattern.search(text) is not None


RULES: dict[str, Rule] = {
    "often negated": often(NEGATIONS, 40),
    "seldom negated": lambda text: not often(NEGATIONS, 100)(text),
    "many contrasts": often(CONTRASTS, 80),
    "marks of irony": found(IRONY),
    "a rating in numbers": found(RATING),
    "under 120 words": shorter_than(120),
    "over 400 words": longer_than(400),
}


def by_rule(
    texts: Sequence[str], right: Sequence[bool], rules: Mapping[str, Rule] = RULES
) -> dict[str, Slice]:
    """How often a classifier was right, over all texts and on each slice of them.

    `right` says for each text whether its class was found. A slice without any text is
    left out. Raises ValueError when there is no text, or not one answer for each.
    """
    if not texts or len(texts) != len(right):
        raise ValueError(f"{len(texts)} texts do not fit {len(right)} answers")
    chosen = {"all": list(right)}
    for name, rule in rules.items():
        chosen[name] = [ok for text, ok in zip(texts, right, strict=True) if rule(text)]
    return {name: counted(answers) for name, answers in chosen.items() if answers}


def counted(right: Sequence[bool]) -> Slice:
    """The share of right answers, with Wilson's 95 % interval.

    From few texts the interval is wide, and it never leaves 0 to 1. Raises ValueError
    when there is no answer. Source: Wilson 1927, "Probable Inference, the Law of
    Succession, and Statistical Inference".
    """
    if not len(right):
        raise ValueError("right must hold at least one answer, got none")
    hits = sum(map(bool, right))
    from scipy.stats import binomtest  # takes half a second, so only here

    ends = binomtest(hits, len(right)).proportion_ci(0.95, method="wilson")
    return Slice(len(right), hits / len(right), float(ends.low), float(ends.high))
