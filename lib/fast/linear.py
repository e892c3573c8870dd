"""The linear layer, where most of the time goes: the same sums, done faster on CPUs.

PyTorch brings two libraries for float32 matrix products on a CPU. `nn.Linear` asks MKL,
which leaves half of a processor idle that Intel did not make; `Linear` asks oneDNN, if
the product is large enough to pay for the call. All else is left to `nn.Linear`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

ENOUGH = 2**23  # multiplications; with fewer, calling oneDNN costs more than it saves
ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)


class Linear(nn.Linear):
    """`nn.Linear`, a little different inside: x times the weights, turned, plus bias.

    Its results differ from those of `nn.Linear` by rounding alone, if at all. A second
    derivative of it is refused with a RuntimeError.
    """

    def forward(self, x: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch _"]:
        if _suits(x, self.weight, ENOUGH):
            return _Product.apply(x, self.weight, self.bias)
        return super().forward(x)


class _Product(torch.autograd.Function):
    """The product and, for training, the two products that its gradients are."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _product(x, weight, bias)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        rows, inputs = grad.reshape(-1, grad.size(-1)), x.reshape(-1, x.size(-1))
        return (
            _product(grad, weight.t()) if for_x else None,
            _product(rows.t(), inputs.t()) if for_weight else None,
            rows.sum(0) if for_bias else None,
        )


def times_turned(
    a: Float[Tensor, "stack row inner"], b: Float[Tensor, "stack column inner"]
) -> Float[Tensor, "stack row column"]:
    """a @ b.mT for each pair of matrices, by the same library; it has no gradient."""
    cheap = 4  # such calls are, compared to those that keep what a gradient needs
    learns = a.requires_grad or b.requires_grad
    if _suits(a[0], b[0], ENOUGH // cheap) and not learns:
        return torch.stack([_product(x, y) for x, y in zip(a, b, strict=True)])
    return a @ b.mT


def _suits(x: Tensor, weight: Tensor, enough: int) -> bool:
    """Whether oneDNN can multiply them, and faster than the other library."""
    return (
        ONEDNN
        and x.numel() * weight.size(0) >= enough  # first: cheap, and often false
        and x.device.type == weight.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
