"""A language model made of attention alone, whose heads are worth a look."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.fast.linear import Linear
from lib.model.attention import MultiHeadAttention
from lib.model.masks import causal_mask


class AttentionOnly(nn.Module):
    """Token vectors, layers that add what attention found, a score for every token.

    `positions` is a module that adds positions to the token vectors; `rotary` one that
    turns queries and keys. With neither, the model cannot tell the order of what lies
    behind it.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".
    """

    def __init__(
        self,
        vocab: int,
        width: int,
        heads: int,
        layers: int,
        positions: nn.Module | None = None,
        rotary: nn.Module | None = None,
    ):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.positions = nn.Identity() if positions is None else positions
        self.layers = nn.ModuleList(
            MultiHeadAttention(width, heads, rotary=rotary) for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers + 1))
        self.unembed = Linear(width, vocab, bias=False)
        self.apply(_small_start)

    def forward(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time vocab"]:
        """Scores (logits) for the token that follows each position."""
        mask = causal_mask(ids.size(1), ids.device)
        x = self.positions(self.embed(ids))  # batch time width
        for norm, attention in zip(self.norms, self.layers, strict=False):
            x = x + attention(norm(x), mask)
        return self.unembed(self.norms[-1](x))

    @torch.no_grad()
    def attention_weights(
        self, ids: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch layer head time time"]:
        """How much each position looks at each other one, in every head."""
        mask = causal_mask(ids.size(1), ids.device)
        x, seen = self.positions(self.embed(ids)), []
        for norm, attention in zip(self.norms, self.layers, strict=False):
            found, weights = attention.with_weights(norm(x), mask)
            x = x + found
            seen.append(weights)
        return torch.stack(seen, dim=1)


def _small_start(module: nn.Module) -> None:
    """Start near zero, as GPT-2 does, so that the first predictions are near even."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
