"""One token of one text: the model's sums without its machinery, for speed.

Who writes a text reads it token by token, and one token is one vector. The products of
a small model's matrices with it take less time than what PyTorch does around them:
calls of modules, checks, views, axes of length 1. So the same sums stand here a second
time, for this one case, with as few calls as possible: queries, keys and values in one
product, the addition to the stream in the product that writes to it, views made once,
each choice of the configuration made once (`lib.fast.vector_sums`). `lib.model.gpt` is
the version to read.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.fast.vector_sums import attention, hidden, norm, product, step
from lib.model.attention import MultiHeadAttention
from lib.model.block import Block, NoResidual, PostNorm, PreNorm
from lib.model.cache import KeyValueCache
from lib.model.config import GPTConfig
from lib.model.embedding import Embedding
from lib.model.feedforward import FeedForward, SquaredReLU, SwiGLU
from lib.model.gpt import GPT
from lib.model.positions import Learned, cos_sin

BENDS = (nn.GELU, nn.ReLU, SquaredReLU)
BODY = (GPT, Embedding, Block, MultiHeadAttention, FeedForward, SwiGLU, Learned)
KNOWN = {
    *BODY,
    *BENDS,
    PreNorm,
    PostNorm,
    NoResidual,
    nn.Linear,
    nn.LayerNorm,
    nn.RMSNorm,
}
KNOWN |= {nn.RMSNorm, nn.Embedding, nn.ModuleList, nn.Dropout, nn.Identity}


def is_plain(model: GPT) -> bool:
    """Whether `OneToken` does as the model: no part trains, is changed or watched."""
    return not model.training and all(
        type(part) in KNOWN and not (part._forward_hooks or part._forward_pre_hooks)
        for part in model.modules()
    )


class OneToken:
    """Reads one token more of what a `model` and its `cache` have read so far.

    The cache is shared: either may go on with it, until texts are selected. It is for
    one text without padding. The weights for queries, keys and values are copied.
    """

    def __init__(self, model: GPT, cache: KeyValueCache):
        self.cache, self.context = cache, model.config.context
        self.tokens = model.embed.tokens.weight.detach()
        learned = model.embed.positions
        self.places = None if learned is None else learned.vectors.detach()
        turning = model.config.positions == "rotary"
        self.turns = Turns(model.config, self.tokens) if turning else None
        self.attend = [step(block.attention, attention) for block in model.blocks]
        self.digest = [step(block.feed_forward, hidden) for block in model.blocks]
        self.norm, self.unembed = norm(model.norm), product([model.unembed])
        self.rows = cache.kept[:, :, 0]  # layer 2 kv_head context dim
        self.keys, self.values = self.rows[:, 0].mT, self.rows[:, 1]

    def read(self, ids: Int[Tensor, "1"]) -> Float[Tensor, " vocab"]:
        """Scores for the token after this one.

        Raises ValueError when the cache is for more texts, or learned positions end.
        """
        self.cache.advance(1, 1)
        time = self.cache.seen - 1
        x = torch.embedding(self.tokens, ids).view(-1)  # width
        if self.places is not None:
            x.add_(self.places[time])
        turns = () if self.turns is None else self.turns.at(time)
        for attend, digest, *kept in zip(
            self.attend, self.digest, *self._kept(time), strict=True
        ):
            x = digest(attend(x, turns, *kept))
        return self.unembed(self.norm(x))

    def _kept(self, time: int) -> tuple[tuple[Tensor, ...], ...]:
        """For each layer the slot of this token, and all the keys and values in use."""
        slot, used = time % self.context, min(time + 1, self.context)
        keys, values = self.keys.narrow(3, 0, used), self.values.narrow(2, 0, used)
        return self.rows.select(3, slot).unbind(), keys.unbind(), values.unbind()


class Turns:
    """Cosines and sines for `rotate`, made for `context` positions at a time."""

    def __init__(self, config: GPTConfig, like: Tensor):
        self.config, self.like, self.start = config, like, None

    def at(self, time: int) -> tuple[Tensor, Tensor]:
        """For both halves of a head's numbers; the first half's sines are negative."""
        place = time % self.config.context
        if self.start != time - place:
            self.start = time - place
            self.cos, self.sin = self._make()
        return self.cos[place], self.sin[place]

    def _make(self) -> list[tuple[Tensor, ...]]:
        context, device = self.config.context, self.like.device
        times = torch.arange(context, device=device)[None] + self.start
        base = self.config.rotary_base
        cos, sin = cos_sin(times[0], self.config.dim, base)  # time pair
        pairs = torch.stack([cos, cos], 1), torch.stack([-sin, sin], 1)  # time 2 pair
        return [pair.to(self.like.dtype).unbind() for pair in pairs]
