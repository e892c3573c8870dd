"""Neighbors: which vectors lie near each other, and a map of them."""

from collections.abc import Hashable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def co_occurrence(
    ids: Int[Tensor, " text"], vocab: int, window: int
) -> Float[Tensor, "vocab vocab"]:
    """How often each word stands within `window` words of each other: a baseline."""
    counts = torch.zeros(vocab * vocab)
    for distance in range(1, window + 1):
        counts += torch.bincount(
            ids[:-distance] * vocab + ids[distance:], minlength=vocab * vocab
        )
    return counts.view(vocab, vocab) + counts.view(vocab, vocab).T


def cosines(
    a: Float[Tensor, "query width"], b: Float[Tensor, "key width"]
) -> Float[Tensor, "query key"]:
    """The cosine of the angle between each vector of `a` and each one of `b`.

    It is 1 for the same direction, 0 at a right angle, -1 for opposite directions. A
    vector of zeros has no direction, and a cosine of 0 with everything.
    """
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


def nearest(
    vectors: Float[Tensor, "vocab width"], word: int, many: int
) -> list[tuple[int, float]]:
    """The `many` words with the largest cosine to a word, itself left out.

    Raises ValueError when there are not so many other words.
    """
    if not 0 <= many < len(vectors):
        raise ValueError(f"many must lie in 0..{len(vectors) - 1}, got {many}")
    alike = cosines(vectors[word : word + 1], vectors)[0]
    alike[word] = -torch.inf
    best = alike.topk(many)
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


def finds_its_group(
    alike: Float[Tensor, "query key"], groups: Sequence[Hashable]
) -> list[bool]:
    """For each word, whether the other word most like it is of the same group.

    `alike` has a row and a column for each word, `groups` the group of each.
    Raises ValueError when they do not fit.
    """
    if tuple(alike.shape) != (len(groups), len(groups)):
        raise ValueError(
            f"{len(groups)} groups do not fit likeness of shape {tuple(alike.shape)}"
        )
    others = alike.clone().fill_diagonal_(-torch.inf).argmax(dim=1).tolist()
    return [groups[other] == group for other, group in zip(others, groups, strict=True)]


def flatten_to_map(
    vectors: Float[Tensor, "batch width"],
) -> tuple[Float[Tensor, "batch 2"], float]:
    """Places on a map that keeps apart what it can, and the share of spread it keeps.

    The map is the plane through the mean along which the vectors spread most: their
    principal components. Source: Pearson 1901, "On Lines and Planes of Closest Fit".
    """
    centered = vectors - vectors.mean(dim=0)
    _, spread, directions = torch.linalg.svd(centered, full_matrices=False)
    kept = spread[:2].square().sum() / spread.square().sum()
    return centered @ directions[:2].T, kept.item()
