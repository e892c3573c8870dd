"""One token of one text: the model's sums without its machinery, for speed.

Who writes a text reads it token by token, and one token is one vector. The products of
a small model's matrices with it take less time than what PyTorch does around them:
calls of modules, checks, views, axes of length 1. So the same sums stand here a second
time, for this one case, with as few calls as possible: queries, keys and values in one
product, the addition to the stream in the product that writes to it, views made once,
each choice of the configuration made once. `lib.gpt` is the version to read.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.attention import MultiHeadAttention
from lib.block import Block, NoResidual, PostNorm, PreNorm
from lib.cache import KeyValueCache
from lib.config import GPTConfig
from lib.feedforward import FeedForward, SquaredReLU, SwiGLU
from lib.gpt import GPT, Embedding
from lib.linear import Linear
from lib.norm import RMSNorm
from lib.positions import Learned, Rotary

Sum = Callable[..., Tensor]
BENDS = (nn.GELU, nn.ReLU, SquaredReLU)
BODY = (GPT, Embedding, Block, MultiHeadAttention, FeedForward, SwiGLU, Rotary, Learned)
KNOWN = {*BODY, *BENDS, PreNorm, PostNorm, NoResidual, Linear, nn.LayerNorm, RMSNorm}
KNOWN |= {nn.Embedding, nn.ModuleList, nn.Dropout, nn.Identity}


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
        self.attend = [_step(block.attention, _attention) for block in model.blocks]
        self.digest = [_step(block.feed_forward, _hidden) for block in model.blocks]
        self.norm, self.unembed = _norm(model.norm), _product([model.unembed])
        self.rows = cache.kept[:, :, 0]  # layer 2 kv_head context dim
        self.keys, self.values = self.rows[:, 0].mT, self.rows[:, 1]

    def read(self, ids: Int[Tensor, "1"]) -> Float[Tensor, " vocab"]:
        """Scores for the token after this one.

        Raises ValueError when the cache is for more texts, or learned positions end.
        """
        time = self.cache.advance_one()
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
    """Cosines and sines for `Rotary`, made for `context` positions at a time."""

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
        turns = Rotary(self.config.rotary_base).turns(times, self.config.dim)
        cos, sin = (part[0, 0] for part in turns)  # time pair
        pairs = torch.stack([cos, cos], 1), torch.stack([-sin, sin], 1)  # time 2 pair
        return [pair.to(self.like.dtype).unbind() for pair in pairs]


def _step(step: nn.Module, make: Callable[[nn.Module], Sum]) -> Sum:
    """A part with its norm and its place in the stream, which is written over."""
    if isinstance(step, nn.Identity):
        return lambda x, *others: x
    norm, part, last = _norm(step.norm), make(step.part), step.part.to_output
    if isinstance(step, NoResidual):
        write = _product([last])
        return lambda x, *others: write(part(norm(x), *others))
    add = _addition(last)
    if isinstance(step, PreNorm):
        return lambda x, *others: add(x, part(norm(x), *others))
    return lambda x, *others: norm(add(x, part(x, *others)))


def _addition(layer: Linear) -> Sum:
    """x plus what the layer makes of y, in the place of x."""
    weight = layer.weight.detach()
    if layer.bias is None:
        return lambda x, y: x.addmv_(weight, y)
    bias = layer.bias.detach()
    return lambda x, y: x.add_(bias).addmv_(weight, y)


def _product(layers: list[Linear], **options: Tensor) -> Sum:
    """What the layers make of a vector, one after the other."""
    weights = [layer.weight.detach() for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    if layers[0].bias is None:
        return partial(torch.mv, weight, **options)
    bias = torch.cat([layer.bias.detach() for layer in layers])
    return partial(torch.addmv, bias, weight, **options)


def _norm(norm: nn.Module) -> Sum:
    if isinstance(norm, nn.Identity):
        return lambda x: x
    shape, weight = norm.normalized_shape, norm.weight.detach()
    if isinstance(norm, RMSNorm):
        return lambda x: torch.rms_norm(x, shape, weight, norm.eps)
    bias, eps = norm.bias.detach(), norm.eps
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def _attention(part: MultiHeadAttention) -> Sum:
    """The heads' results side by side, each a mix of `values`; `slot` is filled."""
    heads, kv_heads, dim = part.heads, part.kv_heads, part.dim
    group, new = heads // kv_heads, part.to_query.weight.new_empty
    qkv, mixed, nothing = new(heads + 2 * kv_heads, dim), new(heads, dim), new(())
    queries, mixed_groups = (x.view(kv_heads, group, dim) for x in (qkv[:heads], mixed))
    keys_values, flat = qkv[heads:].view(2, kv_heads, dim), mixed.view(-1)
    layers = [part.to_query, part.to_key, part.to_value]
    project, place = _product(layers, out=qkv.view(-1)), _placing(part, qkv)
    attend = partial(torch.baddbmm, nothing, queries, beta=0, alpha=1 / math.sqrt(dim))

    def mix(x: Tensor, turns: tuple, slot: Tensor, keys: Tensor, values: Tensor):
        project(x)
        place(*turns)
        slot.copy_(keys_values)
        torch.bmm(attend(keys).softmax(-1), values, out=mixed_groups)
        return flat

    return mix


def _placing(part: MultiHeadAttention, qkv: Float[Tensor, "_ dim"]) -> Sum:
    """Normalizes and turns the queries and keys in `qkv`, where the model does."""
    both = qkv[: part.heads + part.kv_heads]
    halves = both.view(len(both), 2, -1) if part.dim % 2 == 0 else None

    def turn(*turns: Tensor) -> None:
        if turns:
            cos, sin = turns
            swapped = halves.flip(1)
            halves.mul_(cos).addcmul_(swapped, sin)

    if isinstance(part.norm_query, nn.Identity):
        return turn
    weights = [part.norm_query.weight] * part.heads + [
        part.norm_key.weight
    ] * part.kv_heads
    weight, eps = torch.stack(weights).detach(), part.norm_query.eps

    def normalize_and_turn(*turns: Tensor) -> None:
        torch.mul(torch.rms_norm(both, both.shape[1:], None, eps), weight, out=both)
        turn(*turns)

    return normalize_and_turn


def _hidden(part: FeedForward | SwiGLU) -> Sum:
    """The hidden numbers of the feed-forward part, bent."""
    widen = _product([part.to_hidden])
    if isinstance(part, FeedForward):
        bend = part.activation.forward
        return lambda x: bend(widen(x))
    gate = _product([part.to_gate])
    return lambda x: nn.functional.silu(gate(x)).mul_(widen(x))
