"""The root-mean-square norm with its gradient written out: less work on a CPU."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class WrittenOutRMSNorm(nn.RMSNorm):
    """`nn.RMSNorm` over the last axis, with a backward pass of its own.

    PyTorch has a fused kernel for it on a GPU; on a CPU it differentiates the formula
    piece by piece. Results are equal but for rounding. A second derivative is refused
    with a RuntimeError. `lib.fast.speed_up` puts it in where it pays.

    Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.
    """

    def forward(self, x: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch _"]:
        if self._suits(x):
            return _Normalize.apply(x, self.weight, self.eps)
        return super().forward(x)

    def _suits(self, x: Tensor) -> bool:
        return (
            x.shape[-1:] == self.weight.shape
            and x.device.type == self.weight.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )


class _Normalize(torch.autograd.Function):
    """y = x / rms(x), scaled by what was learned.

    With h the gradient at y, that at x is (h - y * mean(h * y)) / rms(x): what would
    only make x longer is taken out, for the length of x does not matter.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse = (size.square() / x.size(-1) + eps).rsqrt()
        y = x * inverse
        ctx.save_for_backward(y, inverse, weight)
        return y * weight

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        y, inverse, weight = ctx.saved_tensors
        h = grad * weight
        along = torch.linalg.vecdot(h, y).unsqueeze(-1) / y.size(-1)
        for_x = torch.addcmul(h, y, along, value=-1).mul_(inverse)
        return for_x, (grad * y).reshape(-1, y.size(-1)).sum(0), None
