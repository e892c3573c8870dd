"""Labeled texts: batches with little padding, augmented anew in each round."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from lib.tokens.word_tokenizer import pad

Labeled = tuple[
    Int[Tensor, "batch time"],
    Int[Tensor, " batch"],
    Integer[Tensor, " batch"] | Bool[Tensor, " batch"],
]  # ids, lengths, labels
Labels = Sequence[SupportsIndex] | np.ndarray | Tensor  # whole numbers or booleans
Ids = Sequence[SupportsIndex] | np.ndarray | Tensor  # the tokens of one text
Texts = Sequence[Ids] | np.ndarray | Tensor
Augmentation = Callable[[Sequence[int], random.Random], list[int]]
BUCKET = 16  # batches whose texts are sorted by length together


def labeled_batches(
    texts: Texts,
    labels: Labels,
    batch: int,
    seed: int = 0,
    augment: Augmentation | None = None,
) -> Iterator[Labeled]:
    """Endless batches, every text once a round, texts of similar lengths together.

    `augment` (such as `word_dropout`) is applied anew in each round. Raises
    ValueError when texts and labels do not pair up, a text is empty or is not made of
    ids, labels are not whole numbers or all of one class (which leaves nothing to tell
    apart), or `batch` is below 1.
    """
    classes = check_labels(texts, labels)
    check_several_classes(classes)
    _check_batch(batch)
    return _rounds(_lists(texts), classes, batch, random.Random(seed), augment)


def in_order(texts: Texts, labels: Labels, batch: int = 512) -> Iterator[Labeled]:
    """Every text once, unchanged and in order: to measure.

    Raises ValueError as `labeled_batches` does; labels of one class are allowed.
    """
    classes = check_labels(texts, labels)
    _check_batch(batch)
    ids = _lists(texts)
    starts = range(0, len(ids), batch)
    return (_batch(ids[n : n + batch], classes[n : n + batch]) for n in starts)


def word_dropout(share: float) -> Augmentation:
    """Leave out each word with this probability; at least one stays.

    Raises ValueError unless 0 <= share < 1. Source: Iyyer et al. 2015, "Deep Unordered
    Composition Rivals Syntactic Methods for Text Classification", section 3.1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be at least 0 and below 1, got {share}")

    def augment(ids: Sequence[int], chance: random.Random) -> list[int]:
        kept = [number for number in ids if chance.random() >= share]
        return kept or [chance.choice(ids)]

    return augment


def class_weights(labels: Labels, classes: int) -> Float[Tensor, " {classes}"]:
    """A weight for each class, so that all classes count alike in the loss.

    A class that is half as common weighs twice as much; over all texts the mean weight
    is 1. Raises ValueError for labels that are not whole numbers or lie outside the
    classes, and for a class without a label.
    """
    numbers = whole_numbers(labels)
    check_range(numbers, classes)
    counts = torch.bincount(torch.tensor(numbers, dtype=torch.long), minlength=classes)
    if not counts.all():
        found = sorted(set(numbers))
        raise ValueError(f"labels must be of all {classes} classes, got {found}")
    return len(numbers) / (classes * counts)


def whole_numbers(labels: Labels) -> list[int]:
    """Labels as a list of integers, whatever kind of integers or booleans they are.

    Raises ValueError for anything else, such as 0.5 or "positive".
    """
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if array.size and (array.ndim != 1 or array.dtype.kind not in "biu"):
        raise ValueError(
            "labels must be a list of whole numbers, "
            f"got {array.dtype.name} of shape {array.shape}"
        )
    return [int(label) for label in array.tolist()]


def check_range(labels: Sequence[int], classes: int) -> None:
    """Raise ValueError for labels outside 0 to `classes` - 1."""
    strange = sorted({label for label in labels if not 0 <= label < classes})
    if strange:
        raise ValueError(f"labels must lie in 0..{classes - 1}, got {strange}")


def check_labels(texts: Texts | Sequence[str], labels: Labels) -> list[int]:
    """The labels as integers, if there is one for each text and no text is empty.

    Raises ValueError otherwise.
    """
    classes = whole_numbers(labels)
    if isinstance(texts, str):
        raise ValueError(f"texts must be a list of texts, got one: {texts[:40]!r}")
    if not len(texts) or len(texts) != len(classes):
        raise ValueError(
            f"there must be a label for each text, got {len(texts)} texts and "
            f"{len(classes)} labels"
        )
    if empty := [number for number, ids in enumerate(texts) if not len(ids)][:5]:
        raise ValueError(f"texts must have a word each, got none in numbers {empty}")
    return classes


def check_several_classes(labels: Sequence[int]) -> None:
    """Raise ValueError when all labels are of one class."""
    if len(set(labels)) < 2:
        raise ValueError(f"labels must be of 2 classes or more, all are {labels[0]}")


def _check_batch(batch: int) -> None:
    if batch < 1:
        raise ValueError(f"batch must be above 0, got {batch}")


def _lists(texts: Texts) -> list[list[int]]:
    """The ids of each text as a list; a text that was not encoded is refused."""
    lists = [_plain(ids) for ids in texts]
    for number, ids in enumerate(lists):
        if isinstance(ids[0], str | float):
            raise ValueError(
                f"texts must be lists of ids, got {ids[:5]} in number {number}: "
                "encode each text with a tokenizer first"
            )
    return lists


def _plain(ids: Ids) -> list[Any]:
    return ids.tolist() if isinstance(ids, np.ndarray | Tensor) else list(ids)


def _rounds(
    texts: list[list[int]],
    labels: list[int],
    size: int,
    chance: random.Random,
    augment: Augmentation | None,
) -> Iterator[Labeled]:
    while True:
        order = chance.sample(range(len(texts)), len(texts))
        for group in _groups(order, size, texts, chance):
            chosen = [texts[n] for n in group]
            if augment is not None:
                chosen = [augment(ids, chance) for ids in chosen]
            yield _batch(chosen, [labels[n] for n in group])


def _groups(
    order: list[int], size: int, texts: Sequence[Sequence[int]], chance: random.Random
) -> list[list[int]]:
    """Batches of similar lengths, in random order; some may be smaller."""
    groups = []
    for start in range(0, len(order), BUCKET * size):
        bucket = sorted(
            order[start : start + BUCKET * size], key=lambda n: len(texts[n])
        )
        groups += [bucket[n : n + size] for n in range(0, len(bucket), size)]
    return chance.sample(groups, len(groups))


def _batch(texts: Sequence[Sequence[int]], labels: Sequence[int]) -> Labeled:
    lengths = torch.tensor([len(ids) for ids in texts])
    return pad(texts), lengths, torch.tensor(labels)
