"""Feed-forward: every position, by itself, works on what attention brought it."""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FeedForward(nn.Module):
    """Widen each token's vector, bend it, narrow it again.

    `activation` makes the module that bends: `nn.ReLU` (the original), `nn.GELU`
    (BERT), its tanh approximation (GPT-2) or `SquaredReLU`.

    Sources: Vaswani et al. 2017, "Attention Is All You Need", equation 2; Hendrycks &
    Gimpel 2016, "Gaussian Error Linear Units", section 2, with the approximation.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        bias: bool = False,
        activation: Callable[[], nn.Module] = nn.GELU,
    ):
        super().__init__()
        self.to_hidden = nn.Linear(width, hidden, bias=bias)
        self.activation = activation()
        self.to_output = nn.Linear(hidden, width, bias=bias)

    def forward(
        self, x: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch time width"]:
        """The same function at every position; no position sees another."""
        return self.to_output(self.activation(self.to_hidden(x)))


class SwiGLU(nn.Module):
    """A feed-forward part with a gate: silu(to_gate(x)) scales each hidden number.

    Three matrices where `FeedForward` has two: two thirds of its `hidden` give the same
    number of parameters.

    Source: Shazeer 2020, "GLU Variants Improve Transformer", equation 6.
    """

    def __init__(self, width: int, hidden: int, bias: bool = False):
        super().__init__()
        self.to_gate = nn.Linear(width, hidden, bias=bias)
        self.to_hidden = nn.Linear(width, hidden, bias=bias)
        self.to_output = nn.Linear(hidden, width, bias=bias)

    def forward(
        self, x: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch time width"]:
        """The same function at every position; no position sees another."""
        return self.to_output(F.silu(self.to_gate(x)) * self.to_hidden(x))


class SquaredReLU(nn.Module):
    """max(x, 0) squared.

    Source: So et al. 2021, "Searching for Efficient Transformers for Language Modeling"
    (there as a part of Primer).
    """

    def forward(
        self, x: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch hidden"]:
        return x * F.relu(x)  # for a negative x the product is 0, and so is its slope


# What each name in a model's configuration makes out of (width, hidden, bias).
FEED_FORWARDS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "relu": partial(FeedForward, activation=nn.ReLU),
    "gelu": partial(FeedForward, activation=nn.GELU),
    "gelu_tanh": partial(FeedForward, activation=partial(nn.GELU, approximate="tanh")),
    "squared_relu": partial(FeedForward, activation=SquaredReLU),
    "swiglu": SwiGLU,
}
