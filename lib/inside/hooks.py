"""Looking inside a model while it works: what went into a part, and what came out.

And what if something else had come out of it: `replaced`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lib.model.attention import MultiHeadAttention


@torch.no_grad()
def watch(
    model: nn.Module, names: Iterable[str], *inputs: Any
) -> dict[str, tuple[tuple, Any]]:
    """Run `model(*inputs)`, dropout off; give what each named part was given and gave.

    Names are those of `model.named_modules()`, such as "blocks.0.attention"; the
    answer has them in the order in which the parts were done.
    Raises AttributeError when the model has no part of that name.
    """
    parts = {name: model.get_submodule(name) for name in names}
    notes = {}
    hooks = [
        part.register_forward_hook(partial(_note, notes, name))
        for name, part in parts.items()
    ]
    try:
        with dropout_off(model):
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return notes


@contextmanager
def dropout_off(model: nn.Module) -> Iterator[None]:
    """Inside this the model is in `eval` mode; afterwards in the mode it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def replaced(part: nn.Module, output: Any) -> Iterator[None]:
    """Inside this, `part` gives `output`, whatever it is given; afterwards its own."""
    hook = part.register_forward_hook(lambda *_: output)
    try:
        yield
    finally:
        hook.remove()


def _note(notes: dict, name: str, part: nn.Module, given: tuple, gave: Any) -> None:
    """PyTorch calls this whenever a watched part has done its work."""
    notes[name] = (given, gave)


@torch.no_grad()
def attention_weights(
    model: nn.Module, *inputs: Any
) -> dict[str, Float[Tensor, "batch head query key"]]:
    """The weights of every attention of a model when it runs, by the attention's name.

    The model runs fast, without them; then each attention is asked again, slowly, with
    what it was given.
    """
    attentions = {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, MultiHeadAttention)
    }
    return {
        name: attentions[name].with_weights(*given)[1]
        for name, (given, _) in watch(model, attentions, *inputs).items()
    }
