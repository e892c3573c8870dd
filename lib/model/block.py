"""The block: attention fetches, feed-forward digests, a residual stream carries it on.

A token's vector flows through the model from bottom to top. No part replaces it: each
reads the stream and adds what it found. A sublayer is a part with what it needs to read
and to write (`PreNorm`, `PostNorm`), and a block is two or three sublayers in a row.

>>> block = Block(
...     PreNorm(MultiHeadAttention(16, heads=4), nn.LayerNorm(16)),
...     PreNorm(FeedForward(16, 64), nn.LayerNorm(16)),
... )

`nn.LayerNorm` (Ba et al. 2016, "Layer Normalization", equation 3) gives each vector
mean 0 and variance 1; `nn.RMSNorm` (Zhang & Sennrich 2019, "Root Mean Square Layer
Normalization", equation 4) only a mean square of 1. Both then scale with what they
learned.
"""

from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from .cache import LayerCache
from .positions import Rotation


class Sublayer(nn.Module):
    """A part (attention or feed-forward), its norm, and how it joins the stream.

    `dropout` is the share of the part's numbers that are zeroed in training before
    they are added (Vaswani et al. 2017, section 5.4). The attention weights themselves
    are not dropped: GPT-2 did so too, the paper and most later models do not.

    `forward` hands its keywords on as they came, and they are not listed here: which
    there are is up to the part, be it one of yours. Nor would a list help an editor: a
    module is called by way of `nn.Module.__call__`, which names no argument at all.
    """

    def __init__(self, part: nn.Module, norm: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.part = part
        self.norm = norm
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()


class PreNorm(Sublayer):
    """x + part(norm(x)): the stream itself is never squeezed, only what a part reads.

    Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture",
    table 1 (right); GPT-2, Llama and most models since.
    """

    def forward(
        self, x: Float[Tensor, "batch time width"], **inputs: Any
    ) -> Float[Tensor, "batch time width"]:
        """`inputs` (the mask and so on) are what the part takes besides `x`."""
        return x + self.dropout(self.part(self.norm(x), **inputs))


class PostNorm(Sublayer):
    """norm(x + part(x)): the stream is normalized after each addition.

    Source: Vaswani et al. 2017, section 3.1; the original Transformer and BERT.
    """

    def forward(
        self, x: Float[Tensor, "batch time width"], **inputs: Any
    ) -> Float[Tensor, "batch time width"]:
        """`inputs` (the mask and so on) are what the part takes besides `x`."""
        return self.norm(x + self.dropout(self.part(x, **inputs)))


class NoResidual(Sublayer):
    """part(norm(x)): the stream is cut. It is here to see what goes wrong then."""

    def forward(
        self, x: Float[Tensor, "batch time width"], **inputs: Any
    ) -> Float[Tensor, "batch time width"]:
        """`inputs` (the mask and so on) are what the part takes besides `x`."""
        return self.dropout(self.part(self.norm(x), **inputs))


class Block(nn.Module):
    """The encoder's block; with a causal mask, the block of GPT.

    `attention` and `feed_forward` are sublayers: parts wrapped in `PreNorm` or
    `PostNorm`.

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (left).
    """

    def __init__(self, attention: nn.Module, feed_forward: nn.Module):
        super().__init__()
        self.attention = attention
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        mask: Bool[Tensor, "#batch #head #time #key"] | None = None,
        cache: LayerCache | None = None,
        rotation: Rotation | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "batch time width"]:
        """Look where `mask` allows, or at the past; in `cache` too; then digest."""
        x = self.attention(x, mask=mask, cache=cache, rotation=rotation, causal=causal)
        return self.feed_forward(x)


class DecoderBlock(nn.Module):
    """The decoder's block: between the two sublayers of `Block` it looks at a context.

    The context is what an encoder made of another text (or of a picture).

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (right).
    """

    def __init__(
        self, attention: nn.Module, cross_attention: nn.Module, feed_forward: nn.Module
    ):
        super().__init__()
        self.attention = attention
        self.cross_attention = cross_attention
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        context: Float[Tensor, "batch key width"],
        mask: Bool[Tensor, "#batch #head #time #time"] | None = None,
        context_mask: Bool[Tensor, "#batch #head #time #key"] | None = None,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """`mask` says where in `x` to look, `context_mask` where in `context`.

        `rotation` is for the positions of `x` among themselves.
        """
        x = self.attention(x, mask=mask, rotation=rotation)
        x = self.cross_attention(x, mask=context_mask, context=context)
        return self.feed_forward(x)
