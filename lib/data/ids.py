"""Ids: whole numbers that stand for tokens, checked where they enter the library.

They come in many forms: tensors of any integer type, NumPy arrays, lists. Inside the
library they are 64-bit tensors, or Python's own whole numbers.
"""

import operator
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

INTEGERS = {torch.int8, torch.int16, torch.int32, torch.int64}
INTEGERS |= {torch.uint8, torch.uint16, torch.uint32, torch.uint64}


def as_ids(
    ids: object, name: str = "ids", vocab: int | None = None, axes: int = 1
) -> Int[Tensor, "..."]:
    """The ids as 64-bit integers, on the device where they are.

    Raises ValueError, which calls them `name`, unless they are a tensor of integers
    with that many `axes`, none below 0 or, where `vocab` is given, outside of it.
    """
    if not isinstance(ids, Tensor) or ids.dtype not in INTEGERS or ids.dim() != axes:
        shape = "one axis" if axes == 1 else f"{axes} axes"
        raise ValueError(
            f"{name} must be a tensor of integers with {shape}, got {_what(ids)}"
        )
    ids = ids.long()
    if ids.numel():
        _check_range(name, int(ids.min()), int(ids.max()), vocab)
    return ids


def id_list(ids: Any, vocab: int, name: str = "ids") -> list[int]:
    """The ids as a list, from any row of whole numbers: a list, an array, a tensor.

    Raises ValueError, which calls them `name`, when they are none or lie outside the
    vocabulary.
    """
    try:
        plain = ids.tolist() if hasattr(ids, "tolist") else ids
        numbers = [operator.index(number) for number in plain]
    except TypeError as error:
        raise ValueError(
            f"{name} must be one row of whole numbers, got {_what(ids)}"
        ) from error
    if outside := [number for number in numbers if not 0 <= number < vocab]:
        raise ValueError(f"{name} must lie in 0..{vocab - 1}, got {outside}")
    return numbers


def _check_range(name: str, low: int, high: int, vocab: int | None) -> None:
    if low < 0 or (vocab is not None and high >= vocab):
        last = "" if vocab is None else vocab - 1
        raise ValueError(f"{name} must lie in 0..{last}, got {low}..{high}")


def _what(ids: object) -> str:
    if isinstance(ids, Tensor):
        return f"{ids.dtype} of shape {tuple(ids.shape)}"
    shown = repr(ids)
    return f"{type(ids).__name__} {shown if len(shown) < 60 else shown[:56] + ' ...'}"
