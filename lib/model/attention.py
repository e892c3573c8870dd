"""Attention: every position looks at others and mixes in what it finds."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.fast.linear import Linear
from lib.fast.norm import RMSNorm
from lib.model.cache import LayerCache


def scaled_dot_product(
    q: Float[Tensor, "batch head query dim"],
    k: Float[Tensor, "batch head key dim"],
    v: Float[Tensor, "batch head key value"],
    mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
) -> tuple[
    Float[Tensor, "batch head query value"], Float[Tensor, "batch head query key"]
]:
    """Mix values by how well their keys match each query: softmax(q k^T / sqrt(dim)) v.

    `mask` is True where a query may look. A query that may look nowhere gets zeros; a
    NaN in the input stays a NaN. Returns the mixed values and the attention weights;
    each row of weights sums to 1 (or to 0). This is the version to read;
    `fast_scaled_dot_product` gives the same values and is the one to train with.

    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # batch head query key
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)
    return weights @ v, weights


def fast_scaled_dot_product(
    q: Float[Tensor, "batch head query dim"],
    k: Float[Tensor, "batch head key dim"],
    v: Float[Tensor, "batch head key value"],
    mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
) -> Float[Tensor, "batch head query value"]:
    """The mixed values of `scaled_dot_product`, by PyTorch's fused kernel."""
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    if mask is not None:
        mixed = mixed.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)
    return mixed


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in its slice of the width, then mixed.

    With fewer `kv_heads` than `heads`, groups of heads share keys and values
    (grouped-query attention; one kv_head for all is multi-query attention). `rotary`
    turns queries and keys by their position, see `Rotary`. `qk_norm` is
    the epsilon of an RMS norm of each head's query and key, done before they turn: long
    vectors then no longer mean large scores.

    Sources: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023, "GQA: Training
    Generalized Multi-Query Transformer Models from Multi-Head Checkpoints"; Henry et
    al. 2020, "Query-Key Normalization for Transformers" (there without RMS).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: int | None = None,
        rotary: nn.Module | None = None,
        bias: bool = False,
        qk_norm: float | None = None,
    ):
        """Raises ValueError unless `heads` divides `width` and `kv_heads` `heads`."""
        super().__init__()
        kv_heads = heads if kv_heads is None else kv_heads
        if heads < 1 or width % heads:
            raise ValueError(f"heads must divide width {width}, got heads={heads}")
        if kv_heads < 1 or heads % kv_heads:
            raise ValueError(
                f"kv_heads must divide heads {heads}, got kv_heads={kv_heads}"
            )
        self.heads, self.kv_heads, self.dim = heads, kv_heads, width // heads
        self.to_query = Linear(width, heads * self.dim, bias=bias)
        self.to_key = Linear(width, kv_heads * self.dim, bias=bias)
        self.to_value = Linear(width, kv_heads * self.dim, bias=bias)
        self.to_output = Linear(heads * self.dim, width, bias=bias)
        self.norm_query = _norm(self.dim, qk_norm)
        self.norm_key = _norm(self.dim, qk_norm)
        self.rotate = nn.Identity() if rotary is None else rotary

    def forward(
        self,
        x: Float[Tensor, "batch query width"],
        mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
        context: Float[Tensor, "batch key width"] | None = None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch query width"]:
        """Let each position of `x` look at `context`, or at `x` when there is none.

        With a `cache`, `x` follows what the cache has seen, and looks at that too.
        """
        q, k, v = self.project(x, context, cache)
        return self.merge(fast_scaled_dot_product(q, k, v, mask))

    def with_weights(
        self,
        x: Float[Tensor, "batch query width"],
        mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
        context: Float[Tensor, "batch key width"] | None = None,
        cache: LayerCache | None = None,
    ) -> tuple[
        Float[Tensor, "batch query width"], Float[Tensor, "batch head query key"]
    ]:
        """The same output, and the attention weights to look at."""
        q, k, v = self.project(x, context, cache)
        mixed, weights = scaled_dot_product(q, k, v, mask)
        return self.merge(mixed), weights

    def project(
        self,
        x: Float[Tensor, "batch query width"],
        context: Float[Tensor, "batch _ width"] | None = None,
        cache: LayerCache | None = None,
    ) -> tuple[
        Float[Tensor, "batch head query dim"],
        Float[Tensor, "batch head key dim"],
        Float[Tensor, "batch head key dim"],
    ]:
        """Queries from `x`; keys and values from `context`, repeated for every head."""
        context = x if context is None else context
        q = self.norm_query(split_heads(self.to_query(x), self.heads))
        k = self.norm_key(split_heads(self.to_key(context), self.kv_heads))
        v = split_heads(self.to_value(context), self.kv_heads)
        turns = () if cache is None else cache.turns
        q, k = self.rotate(q, *turns), self.rotate(k, *turns)
        if cache is not None:
            k, v = cache.extend(k, v)
        if (group := self.heads // self.kv_heads) > 1:
            k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        return q, k, v

    def merge(
        self, mixed: Float[Tensor, "batch head query dim"]
    ) -> Float[Tensor, "batch query width"]:
        """Lay the heads' results side by side again and mix them."""
        return self.to_output(mixed.transpose(1, 2).flatten(2))


def split_heads(
    x: Float[Tensor, "batch time width"], heads: int
) -> Float[Tensor, "batch {heads} time dim"]:
    """Cut each vector (of queries, keys or values) into `heads` slices, one a head."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def _norm(dim: int, eps: float | None) -> nn.Module:
    return nn.Identity() if eps is None else RMSNorm(dim, eps=eps)
