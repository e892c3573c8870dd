"""Looking inside a model while it works: what went into a part, and what came out.

And what if something else had come out of it: `replaced`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from lib.model.attention import MultiHeadAttention
from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap


class Seen(NamedTuple):
    """What a part was given, in order and by keyword, and what it gave."""

    inputs: tuple
    keywords: dict[str, Any]
    output: Any


@torch.no_grad()
def watch(model: nn.Module, names: Iterable[str], *inputs: Any) -> dict[str, Seen]:
    """Run `model(*inputs)`, dropout off; tell what went through each named part.

    Names are those of `model.named_modules()`, such as "blocks.0.attention"; the
    result has them in the order in which the parts were done.
    Raises AttributeError when the model has no part of that name.
    """
    model = unwrap(model)
    parts = {name: model.get_submodule(name) for name in names}
    seen: dict[str, Seen] = {}
    hooks = [
        part.register_forward_hook(partial(_note, seen, name), with_kwargs=True)
        for name, part in parts.items()
    ]
    try:
        with evaluating(model):
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _note(
    seen: dict[str, Seen],
    name: str,
    part: nn.Module,
    inputs: tuple,
    keywords: dict[str, Any],
    output: Any,
) -> None:
    """PyTorch calls this whenever a watched part has done its work."""
    seen[name] = Seen(inputs, keywords, output)


@contextmanager
def replaced(part: nn.Module, output: Any) -> Iterator[None]:
    """Inside this, `part` gives `output`, whatever it is given; afterwards its own."""
    hook = part.register_forward_hook(lambda *_: output)
    try:
        yield
    finally:
        hook.remove()


def as_gpt(model: nn.Module) -> GPT:
    """The GPT itself, without wrappers. Raises ValueError when the model is none."""
    model = unwrap(model)
    if not isinstance(model, GPT):
        raise ValueError(f"model must be a GPT, got {type(model).__name__}")
    return model


def residual_stream(
    model: nn.Module, ids: Integer[Tensor, "batch time"]
) -> dict[str, Float[Tensor, "batch time width"]]:
    """The vectors of a GPT's tokens after each part that wrote to them, bottom to top.

    The keys are the parts' names: "embed", "blocks.0.attention",
    "blocks.0.feed_forward", "blocks.1.attention", ...
    Raises ValueError when the model is no GPT.
    """
    sublayers = [
        f"blocks.{layer}.{sublayer}"
        for layer in range(len(as_gpt(model).blocks))
        for sublayer in ("attention", "feed_forward")
    ]
    seen = watch(model, ["embed", *sublayers], ids)
    return {name: each.output for name, each in seen.items()}


@torch.no_grad()
def attention_weights_by_name(
    model: nn.Module, *inputs: Any
) -> dict[str, Float[Tensor, "batch head query key"]]:
    """The weights of every attention in a model that is run on `inputs`, by its name.

    The model runs fast, without them; then each attention is asked again, slowly, with
    what it was given.
    """
    attentions = {
        name: part
        for name, part in unwrap(model).named_modules()
        if isinstance(part, MultiHeadAttention)
    }
    return {
        name: attentions[name].with_weights(*seen.inputs, **seen.keywords)[1]
        for name, seen in watch(model, attentions, *inputs).items()
    }


def attention_weights(
    model: nn.Module, *inputs: Any
) -> Float[Tensor, "batch layer head query key"]:
    """How much each position looks at each other one, in every layer and head.

    For a model whose attentions all look at the same positions: a GPT, an encoder, an
    `AttentionOnly`. A model with cross-attention needs `attention_weights_by_name`.
    Raises ValueError when there is no attention in the model.
    """
    found = list(attention_weights_by_name(model, *inputs).values())
    if not found:
        raise ValueError("model must have attention, found none in it")
    return torch.stack(found, dim=1)
