"""A language model made of attention alone, whose heads are worth a look."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from .attention import MultiHeadAttention
from .embedding import Embedding, check_ids
from .positions import cos_sin


class AttentionOnly(nn.Module):
    """Token vectors, layers that add what attention found, a score for every token.

    Queries and keys turn with their positions when `rotary` is on. Without it, the
    model cannot tell the order of what lies behind a token.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """

    def __init__(
        self, vocab: int, width: int, heads: int, layers: int, rotary: bool = False
    ):
        super().__init__()
        self.dim = width // heads
        self.rotary = rotary
        self.embed = Embedding(vocab, width)
        self.layers = nn.ModuleList(
            MultiHeadAttention(width, heads) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.unembed = nn.Linear(width, vocab, bias=False)
        self.apply(_small_start)

    def forward(
        self, ids: Integer[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time vocab"]:
        """Scores (logits) for the token that follows each position.

        Raises ValueError when there is no token or `ids` are no ids of the vocabulary.
        """
        ids = check_ids(ids)
        positions = torch.arange(ids.size(1), device=ids.device)
        rotation = cos_sin(positions, self.dim) if self.rotary else None
        x = self.embed(ids)  # batch time width
        for norm, attention in zip(self.norms, self.layers, strict=True):
            x = x + attention(norm(x), rotation=rotation, causal=True)
        return self.unembed(self.norm(x))


def _small_start(module: nn.Module) -> None:
    """Start near zero, as GPT-2 does, so that the first predictions are near even."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
