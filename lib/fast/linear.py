"""Linear layers whose products are done by oneDNN instead of MKL, for CPUs.

PyTorch brings both libraries. `nn.Linear` asks MKL in float32. On one AMD processor
that left half of the arithmetic idle; on another, and on an Intel processor, neither
library is always faster. So these layers are put in where a measurement says that they
pay: `lib.fast.speed_up`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)
HAS_BFLOAT16 = HAS_ONEDNN and (
    hasattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")
    and torch.ops.mkldnn._is_mkldnn_bf16_supported()
)


class OneDNNLinear(nn.Linear):
    """`nn.Linear` with products by oneDNN: equal but for rounding.

    Left to `nn.Linear` are inputs of fewer than `least_rows` vectors, for which the
    call costs more than it saves, and all that is not float32 on the CPU. A second
    derivative is refused with a RuntimeError.
    """

    least_rows = 2
    dtype = torch.float32  # of what is multiplied; weights and results are float32

    def forward(self, x: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch _"]:
        if self._suits(x):
            return _Product.apply(x, self.weight, self.bias, self.dtype)
        return super().forward(x)

    def _suits(self, x: Tensor) -> bool:
        return (
            x.numel() >= self.least_rows * self.in_features > 0
            and x.size(-1) == self.in_features  # else nn.Linear says what is wrong
            and type(self.weight) in (nn.Parameter, Tensor)  # not quantized
            and x.device.type == self.weight.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )


class BFloat16Linear(OneDNNLinear):
    """`OneDNNLinear` that rounds to bfloat16 what it multiplies, as autocast does."""

    dtype = torch.bfloat16


class _Product(torch.autograd.Function):
    """The product and, for training, the two products that its gradients are."""

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype
    ) -> Tensor:
        narrow_bias = None if bias is None else bias.to(dtype)
        return _product(x.to(dtype), weight.to(dtype), narrow_bias)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        x, weight, _, ctx.dtype = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        rows = grad.reshape(-1, grad.size(-1))
        narrow = rows.to(ctx.dtype)
        inputs = x.reshape(-1, x.size(-1)).to(ctx.dtype)
        product_x = None
        product_weight = None
        sums = None
        if for_x:
            product_x = _product(narrow, weight.t().to(ctx.dtype)).view_as(x)
        if for_weight:
            product_weight = _product(narrow.t(), inputs.t())
        if for_bias:
            sums = rows.sum(0)
        return product_x, product_weight, sums, None


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, in float32."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "").float()
