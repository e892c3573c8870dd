"""The embedding: from token ids to the vectors that enter the model."""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from .positions import Learned


class Embedding(nn.Module):
    """The learned vector of each token, and of its place where places are learned."""

    def __init__(
        self,
        vocab: int,
        width: int,
        context: int | None = None,
        dropout: float = 0.0,
    ):
        """Learns vectors for `context` positions, or for none when that is None."""
        super().__init__()
        self.tokens = nn.Embedding(vocab, width)
        self.positions = None if context is None else Learned(context, width)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        positions: Int[Tensor, "#batch time"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """`positions` are 0, 1, 2, ... unless given.

        Raises ValueError when an id is none of the vocabulary's. (A GPU finds that out
        too late to say which: there PyTorch stops with a "device-side assert".)
        """
        try:
            x = self.tokens(ids)  # batch time width
        except IndexError as error:
            last = self.tokens.num_embeddings - 1
            found = f"{ids.min().item()}..{ids.max().item()}"
            raise ValueError(f"ids must lie in 0..{last}, got {found}") from error
        if self.positions is not None:
            x = self.positions(x, positions)
        return self.dropout(x)


def check_ids(ids: Integer[Tensor, "*shape"]) -> Int[Tensor, "batch time"]:
    """The ids of a batch of texts, as int64; any type of whole numbers may come in.

    Raises ValueError for other types, for other shapes, and when there is no id at all.
    """
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise ValueError(f"ids must be whole numbers, got {ids.dtype}")
    if ids.dim() != 2 or ids.numel() == 0:
        shape = tuple(ids.shape)
        raise ValueError(f"ids must be (batch, time), none of them 0, got {shape}")
    return ids.long()
