"""The faster linear layer gives what nn.Linear gives, and steps aside where it must."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.fast import linear
from lib.fast.linear import BFloat16Linear, OneDNNLinear

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
ROWS = 64
pytestmark = pytest.mark.skipif(
    not linear.HAS_ONEDNN, reason="this PyTorch has no oneDNN"
)


@pytest.fixture
def products(monkeypatch):
    """How often oneDNN was asked."""
    calls, ask = [], linear._product
    monkeypatch.setattr(
        linear, "_product", lambda *given: calls.append(1) or ask(*given)
    )
    return calls


def twins(inputs, outputs, bias=True):
    ours = OneDNNLinear(inputs, outputs, bias=bias)
    theirs = nn.Linear(inputs, outputs, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def compare(ours, theirs, x, weigh):
    """Outputs, and gradients of their weighted sum, are equal."""
    x, copy = (x.detach().clone().requires_grad_() for _ in range(2))
    found, expected = ours(x), theirs(copy)
    torch.testing.assert_close(found, expected, **CLOSE)
    for output in (found, expected):
        (output * weigh).sum().backward()
    pairs = [(x, copy), *zip(ours.parameters(), theirs.parameters(), strict=True)]
    for one, other in pairs:
        scale = other.grad.abs().max().clamp(min=1)
        torch.testing.assert_close(one.grad / scale, other.grad / scale, **CLOSE)


@given(
    st.lists(st.integers(1, 9), max_size=3),
    st.integers(1, 40),
    st.integers(1, 40),
    st.booleans(),
    st.integers(0, 9),
)
def test_equals_nn_linear_with_its_gradients(sizes, inputs, outputs, bias, seed):
    torch.manual_seed(seed)
    x = torch.randn(*sizes, inputs)
    compare(*twins(inputs, outputs, bias), x, torch.randn(*sizes, outputs))


def test_equals_nn_linear_at_the_size_of_a_model():
    torch.manual_seed(0)
    weigh = torch.randn(12, 64, 384) / 768
    compare(*twins(128, 384), torch.randn(12, 64, 128), weigh)


def test_tensors_that_do_not_lie_in_a_row_are_done_right():
    torch.manual_seed(0)
    x = torch.randn(8, 5, 40).transpose(1, 2)  # 8 40 5
    compare(*twins(5, 7), x, torch.randn(8, 40, 1))  # the gradient is expanded too


def test_a_tied_matrix_collects_both_its_gradients():
    tables = [nn.Embedding(20, 8) for _ in range(2)]
    tables[1].load_state_dict(tables[0].state_dict())
    ids = torch.arange(80) % 20
    for table, layer in zip(tables, twins(8, 20, bias=False), strict=True):
        layer.weight = table.weight
        layer(table(ids)).logsumexp(-1).sum().backward()
    torch.testing.assert_close(tables[0].weight.grad, tables[1].weight.grad, **CLOSE)


def test_frozen_weights_get_no_gradient():
    layer = OneDNNLinear(8, 8).requires_grad_(False)
    x = torch.randn(ROWS, 8, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None and x.grad is not None


def test_onednn_does_the_three_products_of_a_step(products):
    OneDNNLinear(8, 8)(torch.randn(ROWS, 8, requires_grad=True)).sum().backward()
    assert len(products) == 3


def test_few_rows_and_other_types_are_left_to_nn_linear(products):
    layer = OneDNNLinear(8, 8)
    layer.least_rows = ROWS
    assert layer(torch.randn(ROWS - 1, 8)).shape == (ROWS - 1, 8)
    assert layer(torch.randn(0, 8)).shape == (0, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(torch.randn(ROWS, 8)).dtype == torch.bfloat16
    assert layer.double()(torch.randn(ROWS, 8).double()).dtype == torch.float64
    assert layer.to("meta")(torch.empty(ROWS, 8, device="meta")).is_meta
    assert not products


def test_one_vector_is_left_to_nn_linear(products):
    ours, theirs = twins(8, 8)
    x = torch.randn(1, 8)
    assert ours(x).equal(theirs(x)) and not products


@pytest.mark.skipif(not linear.HAS_BFLOAT16, reason="no bfloat16 in this processor")
@given(st.integers(2, 40), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_bfloat16_products_are_those_of_autocast(rows, inputs, outputs, bias):
    torch.manual_seed(rows)
    ours, theirs = twins(inputs, outputs, bias)
    ours.__class__ = BFloat16Linear
    x = torch.randn(rows, inputs, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = theirs(x).float()
    found = ours(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.02)
    found, expected = (
        torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])
        for y, layer in ((found, ours), (expected, theirs))
    )
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        scale = other.abs().max().clamp(min=1)
        torch.testing.assert_close(one / scale, other / scale, atol=0.05, rtol=0.05)


def test_a_second_derivative_is_refused():
    x = torch.randn(ROWS, 8, requires_grad=True)
    (first,) = torch.autograd.grad(
        OneDNNLinear(8, 8)(x).pow(3).sum(), x, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_wrong_width_is_refused_as_in_torch():
    with pytest.raises(RuntimeError):
        OneDNNLinear(8, 8)(torch.randn(ROWS, 9))
