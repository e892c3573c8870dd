"""Whether a model is what its configuration builds, so that another program may run."""

from functools import cache

import torch
from torch import nn
from torch.nn.modules import module as hooks_for_all

from lib.fast.speed_up import plain_type
from lib.model.config import GPTConfig
from lib.model.gpt import GPT

Parts = list[tuple[str, type, str]]


def as_built(model: nn.Module) -> bool:
    """Whether a model in evaluation does what its configuration and its weights say.

    Not so when a part was replaced, adapted, quantized or compiled, when a hook watches
    or changes it, and when its weights are other than float32 on the CPU.
    """
    return (
        type(model) is GPT
        and all(
            type(weight) is nn.Parameter
            and weight.dtype == torch.float32
            and weight.device.type == "cpu"
            for weight in model.parameters()
        )
        and not any(_is_changed(part) for part in model.modules())
        and not (
            hooks_for_all._global_forward_hooks
            or hooks_for_all._global_forward_pre_hooks
        )
        and _parts(model) == _built(model.config)
    )


def _is_changed(part: nn.Module) -> bool:
    hooked = part._forward_hooks or part._forward_pre_hooks
    return bool(part.training or hooked or "forward" in vars(part))


def _parts(model: nn.Module) -> Parts:
    """Name, type, and options (such as sizes) of every part."""
    return [
        (name, plain_type(part), part.extra_repr())
        for name, part in model.named_modules()
    ]


@cache
def _built(config: GPTConfig) -> Parts:
    with torch.device("meta"):  # no numbers, and none drawn
        return _parts(GPT(config))
