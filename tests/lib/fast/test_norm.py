"""The norm gives what nn.RMSNorm gives, forward and backward."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.fast import norm
from lib.fast.norm import WrittenOutRMSNorm

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@given(
    st.lists(st.integers(1, 5), max_size=3),
    st.integers(1, 40),
    st.sampled_from([1e-5, 1e-2, 1.0]),
    st.integers(0, 9),
)
def test_equals_torch_with_its_gradients(sizes, width, eps, seed):
    torch.manual_seed(seed)
    ours, theirs = WrittenOutRMSNorm(width, eps=eps), nn.RMSNorm(width, eps=eps)
    nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(*sizes, width) + 1
    weigh, copy = torch.randn_like(x), x.clone().requires_grad_()
    x.requires_grad_()
    found, expected = ours(x), theirs(copy)
    torch.testing.assert_close(found, expected, **CLOSE)
    for output in (found, expected):
        (output * weigh).sum().backward()
    torch.testing.assert_close(x.grad, copy.grad, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, **CLOSE)


def test_heads_that_were_split_are_done_right():
    x = torch.randn(2, 5, 3, 8).transpose(1, 2).requires_grad_()
    ours, theirs = WrittenOutRMSNorm(8, eps=1e-5), nn.RMSNorm(8, eps=1e-5)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)
    found, expected = (torch.autograd.grad(n(x).exp().sum(), x) for n in (ours, theirs))
    torch.testing.assert_close(found, expected, **CLOSE)


def test_zeros_stay_zeros_and_their_gradient_is_finite():
    x = torch.zeros(2, 4, requires_grad=True)
    output = WrittenOutRMSNorm(4, eps=1e-5)(x)
    output.sum().backward()
    assert output.eq(0).all() and x.grad.isfinite().all()


def test_a_nan_stays_visible():
    x = torch.ones(2, 4)
    x[0, 1] = torch.nan
    output = WrittenOutRMSNorm(4, eps=1e-5)(x)
    assert output[0].isnan().all() and output[1].isfinite().all()


@pytest.mark.filterwarnings("ignore:Mismatch dtype")  # PyTorch's, about its speed
def test_other_types_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(norm, "_Normalize", None)  # would fail
    layer = WrittenOutRMSNorm(8, eps=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(torch.randn(3, 8))
    assert layer.bfloat16()(torch.ones(3, 8).bfloat16()).dtype == torch.bfloat16
    assert layer.to("meta")(torch.empty(3, 8, device="meta")).is_meta


def test_a_second_derivative_is_refused():
    x = torch.randn(3, 4, requires_grad=True)
    output = WrittenOutRMSNorm(4, eps=1e-5)(x).pow(3).sum()
    (first,) = torch.autograd.grad(output, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
