"""Masks: which positions a query may look at."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def causal_mask(
    time: int, device: torch.device | str | None = None
) -> Bool[Tensor, "1 1 {time} {time}"]:
    """Position t may look at positions 0 to t: itself and the past, no future."""
    return torch.ones(time, time, dtype=torch.bool, device=device).tril()[None, None]


def padding_mask(
    lengths: Sequence[int], time: int, device: torch.device | str | None = None
) -> Bool[Tensor, "{len(lengths)} 1 1 {time}"]:
    """Nobody may look at padding: sequence i has `lengths[i]` real tokens.

    Raises ValueError when a length is negative or above `time`.
    """
    if any(not 0 <= length <= time for length in lengths):
        raise ValueError(f"lengths must lie in 0..{time}, got {list(lengths)}")
    ends = torch.tensor(lengths).to(device=device)  # batch
    real = torch.arange(time, device=device) < ends[:, None]  # batch time
    return real[:, None, None, :]


def packed_mask(
    parts: Int[Tensor, "batch time"],
) -> Bool[Tensor, "batch 1 time time"]:
    """Several texts in one row: a token looks at itself and the past of its own text.

    `parts` says which text of its row each token belongs to: [0, 0, 0, 1, 1] is a text
    of three tokens and one of two. Where positions are to begin anew with each text,
    see `positions.packed_positions`.

    Source: Krell et al. 2021, "Efficient Sequence Packing without Cross-contamination",
    section 3.2.
    """
    same = parts[:, :, None] == parts[:, None, :]  # batch time time
    return causal_mask(parts.size(1), parts.device) & same[:, None]


def combine_masks(
    *masks: Bool[Tensor, "#batch #head #query #key"],
) -> Bool[Tensor, "#batch #head #query #key"]:
    """May look only where every mask allows it."""
    if not masks:
        raise ValueError("combine_masks needs at least one mask, got none")
    allowed = masks[0]
    for mask in masks[1:]:
        allowed = allowed & mask
    return allowed
