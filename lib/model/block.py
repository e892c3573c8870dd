"""The block: attention fetches, feed-forward digests, a residual stream carries it on.

A token's vector flows through the model from bottom to top. No part replaces it: each
reads the stream and adds what it found. How a part reads and writes is a step around
it (`PreNorm`, `PostNorm`), and a block is two or three steps in a row.

>>> block = Block(
...     PreNorm(MultiHeadAttention(16, heads=4), nn.LayerNorm(16)),
...     PreNorm(FeedForward(16, 64), nn.LayerNorm(16)),
... )

`nn.LayerNorm` (Ba et al. 2016, "Layer Normalization", equation 3) gives each vector
mean 0 and variance 1; `nn.RMSNorm` (Zhang & Sennrich 2019, "Root Mean Square Layer
Normalization", equation 4) only a mean square of 1. Both then scale with what they
learned.
"""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lib.model.cache import LayerCache


class Step(nn.Module):
    """A part (attention or feed-forward) with what it needs to join the stream.

    `dropout` is the share of the part's numbers that are zeroed in training before
    they are added (Vaswani et al. 2017, section 5.4). The attention weights themselves
    are not dropped: GPT-2 did so too, the paper and most later models do not.
    """

    def __init__(self, part: nn.Module, norm: nn.Module, dropout: float = 0.0):
        super().__init__()
        self.part, self.norm = part, norm
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()


class PreNorm(Step):
    """x + part(norm(x)): the stream itself is never squeezed, only what a part reads.

    Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture",
    table 1 (right); GPT-2, Llama and most models since.
    """

    def forward(
        self, x: Float[Tensor, "batch time width"], *others: Tensor | LayerCache | None
    ) -> Float[Tensor, "batch time width"]:
        """`others` (mask, context, cache) go to the part as they are."""
        return x + self.dropout(self.part(self.norm(x), *others))


class PostNorm(Step):
    """norm(x + part(x)): the stream is normalized after each addition.

    Source: Vaswani et al. 2017, section 3.1; the original Transformer and BERT.
    """

    def forward(
        self, x: Float[Tensor, "batch time width"], *others: Tensor | LayerCache | None
    ) -> Float[Tensor, "batch time width"]:
        """`others` (mask, context, cache) go to the part as they are."""
        return self.norm(x + self.dropout(self.part(x, *others)))


class NoResidual(Step):
    """part(norm(x)): the stream is cut. It is here to see what goes wrong then."""

    def forward(
        self, x: Float[Tensor, "batch time width"], *others: Tensor | LayerCache | None
    ) -> Float[Tensor, "batch time width"]:
        """`others` (mask, context, cache) go to the part as they are."""
        return self.dropout(self.part(self.norm(x), *others))


class Block(nn.Module):
    """The encoder's block; with a causal mask, the block of GPT.

    `attention` and `feed_forward` are steps: parts wrapped in `PreNorm` or `PostNorm`.

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (left).
    """

    def __init__(self, attention: nn.Module, feed_forward: nn.Module):
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        mask: Bool[Tensor, "#batch #head #time #key"] | None = None,
        cache: LayerCache | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """Look where `mask` allows, at what is in `cache` too; then digest."""
        x = self.attention(x, mask, None, cache)
        return self.feed_forward(x)


class DecoderBlock(nn.Module):
    """The decoder's block: between the two steps of `Block` it looks at a context.

    The context is what an encoder made of another text (or of a picture).

    Source: Vaswani et al. 2017, section 3.1 and figure 1 (right).
    """

    def __init__(
        self, attention: nn.Module, cross_attention: nn.Module, feed_forward: nn.Module
    ):
        super().__init__()
        self.attention, self.cross_attention = attention, cross_attention
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        context: Float[Tensor, "batch key width"],
        mask: Bool[Tensor, "#batch #head #time #time"] | None = None,
        context_mask: Bool[Tensor, "#batch #head #time #key"] | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """`mask` says where in `x` to look, `context_mask` where in `context`."""
        x = self.attention(x, mask)
        x = self.cross_attention(x, context_mask, context)
        return self.feed_forward(x)
