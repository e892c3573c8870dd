"""The stream read out at every part: the guess of a model that ended there."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.model.gpt import GPT


@torch.no_grad()
def read_out(
    model: GPT, ids: Int[Tensor, "batch time"]
) -> dict[str, Float[Tensor, "batch time vocab"]]:
    """Probabilities of the next token, as the end of the model reads each stage.

    The keys are those of `model.residual_stream`; at the last of them this is what the
    whole model predicts.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    streams = model.residual_stream(ids).items()
    return {
        name: model.unembed(model.norm(stream)).softmax(-1) for name, stream in streams
    }


@torch.no_grad()
def surprise(
    probabilities: Float[Tensor, "batch time vocab"], targets: Int[Tensor, "batch time"]
) -> float:
    """Mean loss of these predictions, in nats a token."""
    found = probabilities.gather(-1, targets[..., None])
    return -found.log().mean().item()
