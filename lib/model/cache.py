"""The key-value cache: what attention keeps of the tokens it has read.

A token's keys and values do not change when more tokens follow, since nobody may look
ahead. So they are computed once and kept, and each new token costs one position's work.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lib.model.config import GPTConfig
from lib.model.positions import Rotary


class KeyValueCache:
    """Room for the keys and values of `context` tokens in every layer, taken once.

    Token t goes into slot t % context. Past the context length the newest token takes
    the place of the oldest: a token looks at itself and the context - 1 before it.
    Prompts of different lengths end together; `padding` says how many tokens before
    each one are not real. Nobody looks at those, and positions are counted after them.

    Hand it to the model with each stretch of new tokens, without gradients:

    >>> cache = KeyValueCache(model.config, [0], like=model.unembed.weight)
    >>> model(prompt, cache)
    >>> model(next_token, cache)

    Sources: Shazeer 2019, "Fast Transformer Decoding: One Write-Head is All You Need",
    section 2.4; Beltagy et al. 2020, "Longformer", section 3.1 (the sliding window).
    """

    def __init__(self, config: GPTConfig, padding: Sequence[int], like: Tensor):
        """Keys and values get the type and the device of `like`."""
        self.config, self.seen = config, 0
        self.padding = torch.tensor(padding).to(like.device)[:, None]  # batch 1
        self.most_padding = max(padding)
        room = len(padding), config.kv_head_count, config.context, config.dim
        self._keep(like.new_empty(config.layers, 2, *room))

    def advance(
        self, ids: Int[Tensor, "batch time"]
    ) -> Bool[Tensor, "#batch 1 time key"] | None:
        """Take note that `ids` come next; say which tokens each of them may look at.

        None says: all that are kept. Raises ValueError when there are more or fewer
        texts than before, or more tokens than learned positions.
        """
        self._check(*ids.shape)
        before, self.seen = self.seen, self.seen + ids.size(1)
        new = torch.arange(before, self.seen, device=ids.device)
        self._place(new)
        if len(new) > 1:
            return self._mask(torch.cat([self._times(before), new]), new)
        padded = self.seen - self.config.context < self.most_padding > 0
        return self._mask(self._times(self.seen), new) if padded else None

    def advance_one(self) -> int:
        """Take note of one token more of the only text, and give its position.

        Raises ValueError as `advance` does.
        """
        self._check(1, 1)
        self.seen += 1
        return self.seen - 1

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these texts alone, in this order; one may stand there twice."""
        chosen = torch.tensor(rows).to(self.padding.device)
        self.padding = self.padding[chosen]
        self._keep(self.kept[:, :, chosen])

    def _keep(self, kept: Float[Tensor, "layer 2 batch kv_head context dim"]) -> None:
        """Keys and values of all layers, which get a view of their own."""
        self.kept = kept
        pairs = [(kept[i, 0], kept[i, 1]) for i in range(len(kept))]
        self.layers = [LayerCache(self, *pair) for pair in pairs]

    def _check(self, batch: int, time: int) -> None:
        if batch != len(self.padding):
            raise ValueError(f"the cache is for {len(self.padding)} texts, got {batch}")
        context, total = self.config.context, self.seen + time
        if self.config.positions == "learned" and total > context:
            raise ValueError(
                f"positions were learned for {context} tokens, got {total}"
            )

    def _times(self, seen: int) -> Int[Tensor, " key"]:
        """Which token of the text is in each slot in use after `seen` tokens."""
        last, context = seen - 1, self.config.context
        slots = torch.arange(min(seen, context), device=self.padding.device)
        return last - (last - slots) % context

    def _place(self, times: Int[Tensor, " time"]) -> None:
        """Find the new tokens' slots and positions, once for all layers."""
        one, context = len(times) == 1, self.config.context
        slot = (self.seen - 1) % context
        self.slots = slice(slot, slot + 1) if one else times[-context:] % context
        self.positions = (times - self.padding).clamp(min=0)  # batch time
        self.turns = ()
        if self.config.positions == "rotary":
            rotary = Rotary(self.config.rotary_base)
            self.turns = rotary.turns(self.positions, self.config.dim)

    def _mask(
        self, keys: Int[Tensor, " key"], queries: Int[Tensor, " time"]
    ) -> Bool[Tensor, "batch 1 time key"]:
        """A query looks back over `context` tokens, itself included, none padding."""
        distance = queries[:, None] - keys  # time key
        near = (distance >= 0) & (distance < self.config.context)
        real = keys >= self.padding  # batch key
        return near & real[:, None, None]


class LayerCache:
    """The part of a `KeyValueCache` that belongs to one layer's attention."""

    def __init__(
        self,
        whole: KeyValueCache,
        keys: Float[Tensor, "batch kv_head context dim"],
        values: Float[Tensor, "batch kv_head context dim"],
    ):
        self.whole, self.keys, self.values = whole, keys, values

    @property
    def turns(self) -> tuple[Tensor, ...]:
        """Cosines and sines for `Rotary` at the new tokens; none without rotation."""
        return self.whole.turns

    def extend(
        self,
        k: Float[Tensor, "batch kv_head time dim"],
        v: Float[Tensor, "batch kv_head time dim"],
    ) -> tuple[
        Float[Tensor, "batch kv_head key dim"], Float[Tensor, "batch kv_head key dim"]
    ]:
        """Keep the new tokens' keys and values; give those they may look at."""
        return self._extend(self.keys, k), self._extend(self.values, v)

    def _extend(self, kept: Tensor, new: Tensor) -> Tensor:
        seen, time = self.whole.seen, new.size(2)
        new = new.to(kept.dtype)  # under autocast it comes in half precision
        # The first of several new tokens may need what the last of them overwrite.
        seeing = torch.cat([kept[:, :, : seen - time], new], 2) if time > 1 else None
        kept[:, :, self.whole.slots] = new[:, :, -kept.size(2) :]
        return kept[:, :, :seen] if seeing is None else seeing
