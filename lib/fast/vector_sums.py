"""The sums of a GPT's parts for one vector, each a function of few PyTorch calls.

What a part is made of is asked once, when its function is made. `lib.fast.one_token`
puts the functions together, and says what they are good for. They keep no gradients.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.model.attention import MultiHeadAttention
from lib.model.block import NoResidual, PreNorm
from lib.model.feedforward import FeedForward, SwiGLU

Sum = Callable[..., Tensor]


def step(module: nn.Module, make: Callable[[nn.Module], Sum]) -> Sum:
    """A part with its norm and its place in the stream, which is written over."""
    if isinstance(module, nn.Identity):
        return lambda x, *others: x
    settle, part = norm(module.norm), make(module.part)
    last = module.part.to_output
    if isinstance(module, NoResidual):
        write = product([last])
        return lambda x, *others: write(part(settle(x), *others))
    add = _addition(last)
    if isinstance(module, PreNorm):
        return lambda x, *others: add(x, part(settle(x), *others))
    return lambda x, *others: settle(add(x, part(x, *others)))


def _addition(layer: nn.Linear) -> Sum:
    """x plus what the layer makes of y, in the place of x."""
    weight = layer.weight.detach()
    if layer.bias is None:
        return lambda x, y: x.addmv_(weight, y)
    bias = layer.bias.detach()
    return lambda x, y: x.add_(bias).addmv_(weight, y)


def product(layers: list[nn.Linear], **options: Tensor) -> Sum:
    """What the layers make of a vector, one after the other."""
    weights = [layer.weight.detach() for layer in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    if layers[0].bias is None:
        return partial(torch.mv, weight, **options)
    bias = torch.cat([layer.bias.detach() for layer in layers])
    return partial(torch.addmv, bias, weight, **options)


def norm(module: nn.Module) -> Sum:
    """Layer norm, RMS norm or none."""
    if isinstance(module, nn.Identity):
        return lambda x: x
    shape, weight, eps = module.normalized_shape, module.weight.detach(), module.eps
    if isinstance(module, nn.RMSNorm):
        return lambda x: torch.rms_norm(x, shape, weight, eps)
    bias = module.bias.detach()
    return lambda x: torch.layer_norm(x, shape, weight, bias, eps)


def attention(part: MultiHeadAttention) -> Sum:
    """The heads' results side by side, each a mix of `values`; `slot` is filled."""
    heads, kv_heads, dim = part.heads, part.kv_heads, part.dim
    group, new = heads // kv_heads, part.to_query.weight.new_empty
    qkv, mixed, nothing = new(heads + 2 * kv_heads, dim), new(heads, dim), new(())
    queries, mixed_groups = (x.view(kv_heads, group, dim) for x in (qkv[:heads], mixed))
    keys_values, flat = qkv[heads:].view(2, kv_heads, dim), mixed.view(-1)
    layers = [part.to_query, part.to_key, part.to_value]
    project, place = product(layers, out=qkv.view(-1)), _placing(part, qkv)
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


def hidden(part: FeedForward | SwiGLU) -> Sum:
    """The hidden numbers of the feed-forward part, bent."""
    widen = product([part.to_hidden])
    if isinstance(part, FeedForward):
        bend = part.activation.forward
        return lambda x: bend(widen(x))
    gate = product([part.to_gate])
    return lambda x: nn.functional.silu(gate(x)).mul_(widen(x))
