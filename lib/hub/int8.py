"""Eight bits a number: a matrix as whole numbers, and a scale for each of its rows."""

import torch
from jaxtyping import Float, Int8
from torch import Tensor

LARGEST = 127  # -128 stays unused, so that a sign can always be turned


def to_int8(
    matrix: Float[Tensor, "row column"],
) -> tuple[Int8[Tensor, "row column"], Float[Tensor, "row 1"]]:
    """Whole numbers from -127 to 127, and what each row of them is multiplied by.

    The largest number of a row becomes 127, so no number moves by more than half a
    scale. A row of zeros stays zero. Raises ValueError for what is not finite.

    Source: Dettmers et al. 2022, "LLM.int8(): 8-bit Matrix Multiplication for
    Transformers at Scale", section 2 (absmax, here for each row).
    """
    if not matrix.isfinite().all():
        raise ValueError("matrix must be finite, got inf or nan")
    scale = matrix.float().abs().amax(dim=1, keepdim=True) / LARGEST
    values = matrix.float() / scale.where(scale > 0, 1.0)
    return values.round().to(torch.int8), scale


def from_int8(
    values: Int8[Tensor, "row column"], scale: Float[Tensor, "row 1"]
) -> Float[Tensor, "row column"]:
    """The matrix again, in float32, each number within half a scale of what it was."""
    return values.float() * scale.float()
