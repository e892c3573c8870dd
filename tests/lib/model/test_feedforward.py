"""Feed-forward parts against those of GPT-2, Llama and PyTorch, with their weights."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import GPT2Config, LlamaConfig
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import LlamaMLP

from lib.model.feedforward import FEED_FORWARDS, FeedForward, SquaredReLU, SwiGLU

CLOSE = {"atol": 1e-5, "rtol": 0}


def loud(module, seed=0):
    """Weights of a size at which a wrong activation cannot hide."""
    torch.manual_seed(seed)
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.5)
    return module


@pytest.mark.parametrize(
    "ours, theirs", [("gelu_tanh", "gelu_new"), ("gelu", "gelu"), ("relu", "relu")]
)
def test_equals_the_feed_forward_of_gpt2(ours, theirs):
    config = GPT2Config(n_embd=12, activation_function=theirs)
    theirs = loud(GPT2MLP(48, config)).eval()
    ours = FEED_FORWARDS[ours](12, 48, True)
    with torch.no_grad():
        ours.to_hidden.weight.copy_(theirs.c_fc.weight.T)
        ours.to_hidden.bias.copy_(theirs.c_fc.bias)
        ours.to_output.weight.copy_(theirs.c_proj.weight.T)
        ours.to_output.bias.copy_(theirs.c_proj.bias)
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


def test_equals_the_feed_forward_of_llama():
    theirs = loud(LlamaMLP(LlamaConfig(hidden_size=12, intermediate_size=20)))
    ours = SwiGLU(12, 20)
    with torch.no_grad():
        ours.to_gate.weight.copy_(theirs.gate_proj.weight)
        ours.to_hidden.weight.copy_(theirs.up_proj.weight)
        ours.to_output.weight.copy_(theirs.down_proj.weight)
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20))
def test_squared_relu_is_relu_squared(numbers):
    x = torch.tensor([[numbers]], requires_grad=True)
    found, expected = SquaredReLU()(x), F.relu(x) ** 2
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (found, expected)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("kind", FEED_FORWARDS)
@pytest.mark.parametrize("bias", [False, True])
def test_every_position_is_by_itself(kind, bias):
    part = loud(FEED_FORWARDS[kind](8, 20, bias))
    x = torch.randn(2, 6, 8)
    torch.testing.assert_close(part(x)[:, 2:4], part(x[:, 2:4]))
    biases = [name for name, _ in part.named_parameters() if name.endswith("bias")]
    assert bool(biases) == bias


def test_the_original_is_the_default_of_torch():
    theirs = nn.TransformerEncoderLayer(8, 2, 20, batch_first=True)
    ours = FeedForward(8, 20, bias=True, activation=nn.ReLU)
    ours.to_hidden, ours.to_output = theirs.linear1, theirs.linear2
    x = torch.randn(2, 3, 8)
    expected = theirs.linear2(theirs.activation(theirs.linear1(x)))
    torch.testing.assert_close(ours(x), expected, **CLOSE)
