"""Baselines that any task has: what is had without understanding the question."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from lib.instruct.tasks.task import Answerer, Baseline, Example
from lib.tokens.words import words_and_marks


def most_common(examples: Sequence[Example]) -> Answerer:
    """Always gives the answer that most examples have.

    Raises ValueError when there is no example.
    """
    _check(examples)
    counts = Counter(example.answer for example in examples)
    (answer, _), *_ = counts.most_common(1)
    return lambda prompt: answer


def nearest_neighbor(examples: Sequence[Example]) -> Answerer:
    """Gives the answer of the example whose prompt shares most words with the prompt.

    The shared words are counted against all words of both (Jaccard); of equals the
    first example wins. Raises ValueError when there is no example.
    """
    _check(examples)
    bags = [frozenset(words_and_marks(example.prompt)) for example in examples]

    def answer(prompt: str) -> str:
        words = frozenset(words_and_marks(prompt))
        places = range(len(bags))
        nearest = max(places, key=lambda place: jaccard(words, bags[place]))
        return examples[nearest].answer

    return answer


def shuffled(examples: Sequence[Example]) -> Answerer:
    """Gives the answer of another example, drawn at random; the same to one prompt.

    So it shows what a reply of the right kind scores, whatever the question. Raises
    ValueError when there is no example.
    """
    _check(examples)
    return lambda prompt: Random(prompt).choice(examples).answer


def jaccard(words: frozenset[str], others: frozenset[str]) -> float:
    """The share of all words that both sets have; 0 for two empty ones."""
    shared = len(words & others)
    return shared / max(1, len(words) + len(others) - shared)


EVERY: dict[str, Baseline] = {
    "most common": most_common,
    "nearest neighbor": nearest_neighbor,
}


def _check(examples: Sequence[Example]) -> None:
    if not examples:
        raise ValueError("examples must hold at least one, got none")
