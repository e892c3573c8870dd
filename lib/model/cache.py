"""The key-value cache: what attention keeps of the tokens it has read.

A token's keys and values do not change when more tokens follow, since nobody may look
ahead. So they are computed once and kept, and each new token costs one position's work.
"""

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class KeyValueCache:
    """Room for the keys and values of `context` tokens in every layer, taken once.

    Token t goes into slot t % context. Past the context length the newest token takes
    the place of the oldest: a token looks at itself and the context - 1 before it.
    Prompts of different lengths end together; `padding` says how many tokens before
    each one are not real. Nobody looks at those, and positions are counted after them.

    A model makes one of the right size. Hand it back with each stretch of new tokens,
    without gradients:

    >>> cache = model.new_cache()
    >>> model(prompt, cache)
    >>> model(next_token, cache)

    Sources: Shazeer 2019, "Fast Transformer Decoding: One Write-Head is All You Need",
    section 2.4; Beltagy et al. 2020, "Longformer", section 3.1 (the sliding window).
    """

    def __init__(
        self,
        layers: int,
        kv_heads: int,
        context: int,
        dim: int,
        padding: Sequence[int] = (0,),
        slides: bool = True,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ):
        """There is a number in `padding` for each text.

        With `slides` off, more than `context` tokens are refused: learned positions end
        there.
        """
        self.context = context
        self.slides = slides
        self.seen = 0  # tokens so far, padding included
        self.padding = torch.tensor(padding).to(device)[:, None]  # batch 1
        self.most_padding = max(padding)
        shape = (layers, 2, len(padding), kv_heads, context, dim)
        self.kept = torch.empty(shape, dtype=dtype, device=device)

    @property
    def layers(self) -> list["LayerCache"]:
        """The part of each layer, for its attention."""
        return [LayerCache(self, layer) for layer in range(len(self.kept))]

    def advance(
        self, batch: int, time: int
    ) -> tuple[Int[Tensor, "batch time"], Bool[Tensor, "#batch 1 time key"] | None]:
        """Take note that `time` tokens come next in each of `batch` texts.

        Returns the tokens' positions, and which tokens each of them may look at; None
        stands for all that are kept. Raises ValueError when there are more or fewer
        texts than before, or no room is left.
        """
        self._check(batch, time)
        before = self.seen
        self.seen += time
        new = torch.arange(before, self.seen, device=self.kept.device)
        positions = (new - self.padding).clamp(min=0)  # batch time
        if time > 1:
            return positions, self._mask(torch.cat([self._tokens(before), new]), new)
        if self.seen - self.context < self.most_padding:
            return positions, self._mask(self._tokens(self.seen), new)
        return positions, None

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these texts alone, in this order; one may stand there twice."""
        chosen = torch.tensor(rows).to(self.kept.device)
        self.padding = self.padding[chosen]
        self.kept = self.kept[:, :, chosen]  # layer 2 batch kv_head context dim

    def __copy__(self) -> "KeyValueCache":
        """A copy shares nothing: each of the two may go on with other tokens."""
        return copy.deepcopy(self)

    def _check(self, batch: int, time: int) -> None:
        if batch != len(self.padding):
            raise ValueError(f"the cache is for {len(self.padding)} texts, got {batch}")
        if not self.slides and self.seen + time > self.context:
            raise ValueError(
                f"positions were learned for {self.context} tokens, "
                f"got {self.seen + time}"
            )

    def _tokens(self, seen: int) -> Int[Tensor, " key"]:
        """Which token of the text is in each slot in use after `seen` tokens."""
        last = seen - 1
        slots = torch.arange(min(seen, self.context), device=self.kept.device)
        return last - (last - slots) % self.context

    def _mask(
        self, keys: Int[Tensor, " key"], queries: Int[Tensor, " time"]
    ) -> Bool[Tensor, "batch 1 time key"]:
        """A query looks back over `context` tokens, itself included, none padding."""
        distance = queries[:, None] - keys  # time key
        near = (distance >= 0) & (distance < self.context)
        real = keys >= self.padding  # batch key
        return near & real[:, None, None]


class LayerCache:
    """The part of a `KeyValueCache` that belongs to one layer's attention."""

    def __init__(self, whole: KeyValueCache, layer: int):
        self.whole = whole
        self.layer = layer

    def extend(
        self,
        k: Float[Tensor, "batch kv_head time dim"],
        v: Float[Tensor, "batch kv_head time dim"],
    ) -> tuple[
        Float[Tensor, "batch kv_head key dim"], Float[Tensor, "batch kv_head key dim"]
    ]:
        """Keep the new tokens' keys and values; give those they may look at."""
        seen = self.whole.seen
        context = self.whole.context
        before = seen - k.size(2)
        kept = self.whole.kept[self.layer]  # 2 batch kv_head context dim
        new = torch.stack([k, v])  # 2 batch kv_head time dim
        if k.size(2) == 1:
            kept[..., before % context, :] = new[..., 0, :]
            keys, values = kept[..., :seen, :].unbind()
            return keys, values
        # The first of several new tokens may need what the last of them overwrite.
        seeing = torch.cat([kept[..., :before, :], new], dim=-2)
        slots = torch.arange(before, seen, device=k.device)[-context:] % context
        kept[..., slots, :] = new[..., -context:, :].to(kept.dtype)
        keys, values = seeing.unbind()
        return keys, values
