"""Attention: every position looks at others and mixes in what it finds."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .cache import LayerCache
from .masks import causal_mask
from .positions import Rotation, rotate


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
    each row of weights sums to 1 (or to 0). This is the version to read. PyTorch's
    `F.scaled_dot_product_attention` gives the same values, faster, without the weights.

    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # batch head query key
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask.any(dim=-1, keepdim=True), 0.0)
    return weights @ v, weights


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each in its slice of the width, then mixed.

    With fewer `kv_heads` than `heads`, groups of heads share keys and values
    (grouped-query attention; one kv_head for all is multi-query attention). `qk_norm`
    is the epsilon of an RMS norm of each head's query and key: long vectors then no
    longer mean large scores.

    Sources: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023, "GQA: Training
    Generalized Multi-Query Transformer Models from Multi-Head Checkpoints"; Henry et
    al. 2020, "Query-Key Normalization for Transformers" (there without RMS).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: int | None = None,
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
        self.heads = heads
        self.kv_heads = kv_heads
        self.dim = width // heads
        self.to_query = nn.Linear(width, heads * self.dim, bias=bias)
        self.to_key = nn.Linear(width, kv_heads * self.dim, bias=bias)
        self.to_value = nn.Linear(width, kv_heads * self.dim, bias=bias)
        self.to_output = nn.Linear(heads * self.dim, width, bias=bias)
        self.norm_query = _norm(self.dim, qk_norm)
        self.norm_key = _norm(self.dim, qk_norm)

    def forward(
        self,
        x: Float[Tensor, "batch query width"],
        mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
        context: Float[Tensor, "batch _ width"] | None = None,
        cache: LayerCache | None = None,
        rotation: Rotation | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "batch query width"]:
        """Let each position of `x` look at `context`, or at `x` when there is none.

        With a `cache`, `x` follows what the cache has seen, and looks at that too.
        `rotation` turns queries and keys by their positions, see `positions.rotate`.
        `causal` is for `causal_mask`, which then need not be made: PyTorch skips the
        future. Raises ValueError for `causal` beside a mask, and for a `rotation`
        beside a `context`, whose positions are its own.
        """
        _check_mask(mask, causal)
        q, k, v = self.project(x, context, cache, rotation)
        mixed = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal)
        return self.to_output(mixed.transpose(1, 2).flatten(2))

    def with_weights(
        self,
        x: Float[Tensor, "batch query width"],
        mask: Bool[Tensor, "#batch #head #query #key"] | None = None,
        context: Float[Tensor, "batch _ width"] | None = None,
        cache: LayerCache | None = None,
        rotation: Rotation | None = None,
        causal: bool = False,
    ) -> tuple[
        Float[Tensor, "batch query width"], Float[Tensor, "batch head query key"]
    ]:
        """The same output, and the attention weights to look at."""
        _check_mask(mask, causal)
        mask = causal_mask(x.size(1), x.device) if causal else mask
        q, k, v = self.project(x, context, cache, rotation)
        mixed, weights = scaled_dot_product(q, k, v, mask)
        return self.to_output(mixed.transpose(1, 2).flatten(2)), weights

    def project(
        self,
        x: Float[Tensor, "batch query width"],
        context: Float[Tensor, "batch _ width"] | None = None,
        cache: LayerCache | None = None,
        rotation: Rotation | None = None,
    ) -> tuple[
        Float[Tensor, "batch head query dim"],
        Float[Tensor, "batch head key dim"],
        Float[Tensor, "batch head key dim"],
    ]:
        """Queries from `x`; keys and values from `context`, repeated for every head."""
        if rotation is not None and context is not None:
            raise ValueError("a context has positions of its own, got a rotation too")
        context = x if context is None else context
        q = self.norm_query(split_heads(self.to_query(x), self.heads))
        k = self.norm_key(split_heads(self.to_key(context), self.kv_heads))
        v = split_heads(self.to_value(context), self.kv_heads)
        if rotation is not None:
            q = rotate(q, *rotation)
            k = rotate(k, *rotation)
        if cache is not None:
            k, v = cache.extend(k, v)
        group = self.heads // self.kv_heads
        if group > 1:
            k = k.repeat_interleave(group, dim=1)  # batch head key dim
            v = v.repeat_interleave(group, dim=1)  # batch head key dim
        return q, k, v


def split_heads(
    x: Float[Tensor, "batch time width"], heads: int
) -> Float[Tensor, "batch {heads} time dim"]:
    """Cut each vector (of queries, keys or values) into `heads` slices, one a head."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _check_mask(mask: Tensor | None, causal: bool) -> None:
    if causal and mask is not None:
        raise ValueError("causal stands for a mask of its own, got a mask beside it")


def _norm(dim: int, eps: float | None) -> nn.Module:
    return nn.Identity() if eps is None else nn.RMSNorm(dim, eps=eps)
