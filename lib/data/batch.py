"""A batch: tokens, and what is to be predicted at each of them."""

from jaxtyping import Int
from torch import Tensor

Batch = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]
