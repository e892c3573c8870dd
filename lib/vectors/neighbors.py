"""Neighbors: which vectors lie near each other, and a map of them."""

from collections.abc import Hashable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.ids import as_ids


def co_occurrence(
    ids: Int[Tensor, " text"], vocab: int, window: int
) -> Float[Tensor, "vocab vocab"]:
    """How often each word stands within `window` words of each other: a baseline.

    Raises ValueError when an id is outside the vocabulary, or `window` is below 1.
    """
    ids = as_ids(ids, "ids", vocab)
    check_above_zero("window", window)
    counts = ids.new_zeros(vocab * vocab)
    for distance in range(1, min(window, len(ids)) + 1):
        pairs = ids[:-distance] * vocab + ids[distance:]
        counts += torch.bincount(pairs, minlength=vocab * vocab)
    ordered = counts.view(vocab, vocab)
    return (ordered + ordered.T).float()


def cosines(
    a: Float[Tensor, "query width"], b: Float[Tensor, "key width"]
) -> Float[Tensor, "query key"]:
    """The cosine of the angle between each vector of `a` and each one of `b`.

    It is 1 for the same direction, 0 at a right angle, -1 for opposite directions. A
    vector of zeros has no direction, and a cosine of 0 with everything. Half precision
    is computed, and given back, in float32.
    Raises ValueError unless both are tables of decimal numbers of one width.
    """
    check_table("a", a)
    check_table("b", b)
    if a.size(1) != b.size(1):
        raise ValueError(f"a and b must have one width, got {a.size(1)}, {b.size(1)}")
    exact = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    return F.normalize(a.to(exact), dim=-1) @ F.normalize(b.to(exact), dim=-1).T


def nearest(
    vectors: Float[Tensor, "vocab width"], word: int, k: int
) -> list[tuple[int, float]]:
    """The `k` words with the largest cosine to a word, which is itself left out.

    Raises ValueError when the word is outside the table, or there are no `k` others.
    """
    check_table("vectors", vectors)
    _check_below("word", word, len(vectors))
    _check_below("k", k, len(vectors))
    vectors = vectors.detach()
    alike = cosines(vectors[word : word + 1], vectors)[0]
    alike[word] = -torch.inf
    best = alike.topk(k)
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


def finds_its_group(
    alike: Float[Tensor, "query key"], groups: Sequence[Hashable]
) -> list[bool]:
    """For each word, whether the other word most like it is of the same group.

    `alike` has a row and a column for each word, `groups` the group of each.
    Raises ValueError when they do not fit, or there is no other word.
    """
    if tuple(alike.shape) != (len(groups), len(groups)):
        raise ValueError(
            f"{len(groups)} groups do not fit likeness of shape {tuple(alike.shape)}"
        )
    if len(groups) < 2:
        raise ValueError(f"groups must be those of 2 words or more, got {groups}")
    others = alike.float().clone().fill_diagonal_(-torch.inf).argmax(dim=1).tolist()
    return [groups[other] == group for other, group in zip(others, groups, strict=True)]


def flatten_to_map(
    vectors: Float[Tensor, "batch width"],
) -> tuple[Float[Tensor, "batch 2"], float]:
    """Places on a map that keeps apart what it can, and the share of spread it keeps.

    The map is the plane through the mean along which the vectors spread most: their
    first two principal components.
    Raises ValueError unless there are two different vectors, of width 2 or more.
    Source: Pearson 1901, "On Lines and Planes of Closest Fit".
    """
    check_table("vectors", vectors)
    vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
    if vectors.size(1) < 2 or not (vectors[1:] != vectors[:1]).any():
        raise ValueError(
            f"vectors must have width 2 or more and be different, got "
            f"{tuple(vectors.shape)}"
        )
    centered = vectors - vectors.mean(dim=0)
    _, spread, directions = torch.linalg.svd(centered, full_matrices=False)
    kept = spread[:2].square().sum() / spread.square().sum()
    return centered @ directions[:2].T, kept.item()


def _check_below(name: str, number: object, size: int) -> None:
    if type(number) is not int or not 0 <= number < size:
        raise ValueError(f"{name} must lie in 0..{size - 1}, got {number!r}")


def check_table(name: str, table: object) -> None:
    """Raises ValueError, which names it, unless it is a matrix of decimal numbers."""
    if not isinstance(table, Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(table).__name__}")
    if table.dim() != 2 or not table.is_floating_point():
        raise ValueError(
            f"{name} must be decimal numbers of shape (rows, width), got "
            f"{table.dtype} of shape {tuple(table.shape)}"
        )


def check_above_zero(name: str, number: object) -> None:
    """Raises ValueError, which names it, unless it is a whole number above 0."""
    if type(number) is not int or number < 1:
        raise ValueError(f"{name} must be a whole number above 0, got {number!r}")
