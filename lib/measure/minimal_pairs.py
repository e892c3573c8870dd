"""Minimal pairs: two short sentences in nearly the same words, with opposite verdicts.

A classifier that counts words, and ignores how they stand together, is usually right on
one of the two and wrong on the other, and so right on half of all. The sentences are
this book's own. There are too few of them to measure a weakness well; they show it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lib.measure.slices import Slice, counted


class Sentence(NamedTuple):
    """A sentence about a film, what makes it hard, and whether it is in favor."""

    text: str
    phenomenon: str
    positive: bool


PAIRS = {  # by phenomenon: in favor, against
    "plain": [
        ("A wonderful film.", "A terrible film."),
        ("I loved every minute of it.", "I hated every minute of it."),
        ("The acting is superb.", "The acting is awful."),
        ("This is the best movie of the year.", "This is the worst movie of the year."),
        ("It is fresh and funny.", "It is stale and boring."),
    ],
    "negation": [
        ("I liked it.", "I did not like it."),
        ("It was not bad.", "It was not good."),
        ("I was never bored.", "I was never amused."),
        ("There is nothing wrong with it.", "There is nothing right with it."),
        ("You won't regret seeing it.", "You won't enjoy seeing it."),
    ],
    "double negation": [
        ("I can't say I didn't enjoy it.", "I can't say I did enjoy it."),
        ("No one could fail to love it.", "No one could love it."),
        ("It is not without charm.", "It is without charm."),
        ("Never was I not laughing.", "Never was I laughing."),
    ],
    "contrast": [
        ("The plot is thin, but I loved it.", "I loved the plot, but it is thin."),
        (
            "It starts badly, but ends as a great film.",
            "It starts as a great film, but ends badly.",
        ),
        (
            "Although the critics hated it, it is a joy.",
            "Although the critics loved it, it is a bore.",
        ),
        (
            "I expected a disaster and got a masterpiece.",
            "I expected a masterpiece and got a disaster.",
        ),
        (
            "Despite the awful title, a lovely film.",
            "Despite the lovely title, an awful film.",
        ),
    ],
    "irony": [
        (
            "A great way to spend two hours: I left happy.",
            "A great way to waste two hours: I left early.",
        ),
        (
            "Wonderful: I will tell all my friends to see it.",
            "Wonderful: I will tell all my enemies to see it.",
        ),
        (
            "The best part was the ending, which moved me.",
            "The best part was the ending, when I could leave.",
        ),
        (
            "Perfect for a night with the family.",
            "Perfect for a night when you cannot fall asleep.",
        ),
        (
            "What a brilliant idea to film this book.",
            'What a "brilliant" idea to film this book.',
        ),
    ],
}
SENTENCES = [
    Sentence(text, phenomenon, positive)
    for phenomenon, pairs in PAIRS.items()
    for pair in pairs
    for text, positive in zip(pair, (True, False), strict=True)
]


def by_phenomenon(positive: Sequence[bool]) -> dict[str, Slice]:
    """How often a classifier is right about `SENTENCES`, by what makes them hard.

    `positive` is what it says of each. The intervals hold for independent sentences,
    which the two of a pair are not. Raises ValueError when there is not one answer for
    each, or one is neither true nor false.
    """
    if len(positive) != len(SENTENCES):
        raise ValueError(
            f"{len(SENTENCES)} sentences need as many answers, got {len(positive)}"
        )
    if strange := [answer for answer in positive if answer not in (0, 1)]:
        raise ValueError(f"positive must be true or false for each, got {strange[:5]}")
    right: dict[str, list[bool]] = {name: [] for name in PAIRS}
    for sentence, answer in zip(SENTENCES, positive, strict=True):
        right[sentence.phenomenon].append(bool(answer) == sentence.positive)
    return {name: counted(answers) for name, answers in right.items()}
