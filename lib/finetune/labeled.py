"""Labeled texts: in batches, padded little, changed a little each time."""

import random
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.tokens.word_tokenizer import pad

Labeled = tuple[
    Int[Tensor, "batch time"], Int[Tensor, " batch"], Int[Tensor, " batch"]
]  # ids, lengths, labels
Change = Callable[[Sequence[int], random.Random], list[int]]
POOL = 16  # batches whose texts are sorted by length together


def labeled_batches(
    texts: Sequence[Sequence[int]],
    labels: Sequence[int],
    batch: int,
    seed: int = 0,
    change: Change | None = None,
) -> Iterator[Labeled]:
    """Endless batches, every text once in each round, texts of like lengths together.

    `change` (`word_dropout`, `span_crop`, ...) is applied anew in each round. Raises
    ValueError when texts and labels do not pair up, a text is empty, or all labels are
    of one class: from such a set there is nothing to tell apart.
    """
    check_labels(texts, labels)
    if len(set(labels)) < 2:
        raise ValueError(f"labels must be of 2 classes or more, all are {labels[0]}")
    chance = random.Random(seed)
    while True:
        order = chance.sample(range(len(texts)), len(texts))
        for group in _groups(order, batch, texts, chance):
            chosen = [texts[n] for n in group]
            if change is not None:
                chosen = [change(ids, chance) for ids in chosen]
            yield _batch(chosen, [labels[n] for n in group])


def in_order(
    texts: Sequence[Sequence[int]], labels: Sequence[int], batch: int = 512
) -> Iterator[Labeled]:
    """Every text once, as it is and in order: to measure."""
    check_labels(texts, labels)
    for start in range(0, len(texts), batch):
        yield _batch(texts[start : start + batch], labels[start : start + batch])


def word_dropout(share: float) -> Change:
    """Leave out each word with this probability; at least one stays.

    Raises ValueError unless 0 <= share < 1. Source: Iyyer et al. 2015, "Deep Unordered
    Composition Rivals Syntactic Methods for Text Classification", section 3.1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be at least 0 and below 1, got {share}")

    def change(ids: Sequence[int], chance: random.Random) -> list[int]:
        kept = [number for number in ids if chance.random() >= share]
        return kept or [chance.choice(ids)]

    return change


def span_crop(share: float) -> Change:
    """Keep one run of words, `share` of the text, from a random place; at least one.

    Raises ValueError unless 0 < share <= 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")

    def change(ids: Sequence[int], chance: random.Random) -> list[int]:
        length = max(1, round(share * len(ids)))
        start = chance.randint(0, len(ids) - length)
        return list(ids[start : start + length])

    return change


def class_weights(labels: Sequence[int], classes: int) -> Float[Tensor, " {classes}"]:
    """A weight for each class, such that all classes count alike in the loss.

    A class that is half as common weighs twice as much; over all texts the weights have
    the mean 1. Raises ValueError for a label outside the classes or a class without
    one.
    """
    check_range(labels, classes)
    counts = torch.bincount(torch.tensor(labels), minlength=classes)
    if not counts.all():
        raise ValueError(f"labels must be of all {classes} classes, got {set(labels)}")
    return len(labels) / (classes * counts)


def check_range(labels: Sequence[int], classes: int) -> None:
    """Raise ValueError for labels outside 0 to `classes` - 1."""
    strange = sorted({label for label in labels if not 0 <= label < classes})
    if strange:
        raise ValueError(f"labels must lie in 0..{classes - 1}, got {strange}")


def check_labels(
    texts: Sequence[Sequence[int]] | Sequence[str], labels: Sequence[int]
) -> None:
    """Raise ValueError unless there is a label for each text, and a word in each."""
    if not texts or len(texts) != len(labels):
        raise ValueError(
            f"there must be a label for each text, got {len(texts)} texts and "
            f"{len(labels)} labels"
        )
    if empty := [number for number, ids in enumerate(texts) if not len(ids)][:5]:
        raise ValueError(f"texts must have a word each, got none in numbers {empty}")


def _groups(
    order: list[int], size: int, texts: Sequence[Sequence[int]], chance: random.Random
) -> list[list[int]]:
    """Batches of like lengths, in random order; some may be smaller."""
    groups = []
    for start in range(0, len(order), POOL * size):
        pool = sorted(order[start : start + POOL * size], key=lambda n: len(texts[n]))
        groups += [pool[n : n + size] for n in range(0, len(pool), size)]
    return chance.sample(groups, len(groups))


def _batch(texts: Sequence[Sequence[int]], labels: Sequence[int]) -> Labeled:
    lengths = torch.tensor([len(ids) for ids in texts])
    return pad(texts), lengths, torch.tensor(labels)
