"""The stream read out at every part: the guess of a model that ended there."""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from lib.inside.hooks import as_gpt, residual_stream


@torch.no_grad()
def read_out(
    model: nn.Module, ids: Integer[Tensor, "batch time"]
) -> dict[str, Float[Tensor, "batch time vocab"]]:
    """Probabilities of the next token, as the end of a GPT reads each stage.

    The keys are those of `residual_stream`; at the last of them this is what the
    whole model predicts.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    model = as_gpt(model)
    return {
        name: model.unembed(model.norm(stream)).softmax(-1)
        for name, stream in residual_stream(model, ids).items()
    }


@torch.no_grad()
def surprise(
    probabilities: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> float:
    """Mean loss of these predictions, in nats a token."""
    found = probabilities.gather(-1, targets[..., None])
    found = found.to(torch.promote_types(found.dtype, torch.float32))
    return -found.log().mean().item()
