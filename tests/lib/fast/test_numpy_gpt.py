"""The GPT in NumPy against the model with its cache, which has tests of its own."""

import ast
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from lib.fast import numpy_gpt
from lib.fast.numpy_gpt import NumPyGPT
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS, TINY, configs

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def twins(config=TINY, **changes):
    """A model with weights such that every part has a say, and the same in NumPy."""
    torch.manual_seed(0)
    net = GPT(replace(config, zero_output=False, **changes)).eval()
    with torch.no_grad():
        for weights in net.parameters():
            weights.add_(0.2 * torch.randn_like(weights))
    arrays = {name: weights.numpy() for name, weights in net.state_dict().items()}
    return net, NumPyGPT(net.config, arrays)


def compare(net, numpy, times):
    """Both read the same tokens: one by one, and in two stretches with the cache."""
    ids = torch.randint(net.config.vocab, (1, times))
    cache = net.new_cache()
    with torch.no_grad():
        expected = torch.cat([net(part, cache) for part in ids.split(6, dim=1)], dim=1)
    found = np.stack([numpy.read(token) for token in ids[0].tolist()])
    assert found.dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(found), expected[0], **CLOSE)


@pytest.mark.parametrize("name", PRESETS)
def test_it_equals_the_model(name):
    compare(*twins(PRESETS[name], context=16), times=16)


@pytest.mark.parametrize("name", ["llama2", "small"])
def test_it_equals_the_model_past_the_context(name):
    compare(*twins(PRESETS[name], context=8), times=30)


@given(configs)
def test_it_equals_the_model_whatever_it_is_made_of(config):
    compare(*twins(config), times=8 if config.positions == "learned" else 20)


def test_it_goes_on_with_the_memory_of_a_model():
    net, numpy = twins(kv_heads=2, qk_norm=True)
    ids = torch.randint(net.config.vocab, (1, 20))
    cache, whole = net.new_cache(), net.new_cache()
    with torch.no_grad():
        net(ids[:, :15], cache)
        numpy.kept, numpy.seen = cache.kept[:, :, 0].numpy(), cache.seen
        found = np.stack([numpy.read(token) for token in ids[0, 15:].tolist()])
        expected = net(ids, whole)[0, 15:]
    torch.testing.assert_close(torch.from_numpy(found), expected, **CLOSE)
    torch.testing.assert_close(cache.kept, whole.kept, **CLOSE)


@pytest.mark.parametrize(
    "kind, reference",
    [
        ("gelu", nn.GELU()),
        ("gelu_tanh", nn.GELU(approximate="tanh")),
        ("relu", nn.ReLU()),
        ("squared_relu", lambda x: nn.functional.relu(x).square()),
    ],
)
def test_activations_equal_those_of_torch(kind, reference):
    x = torch.linspace(-30, 30, 20_001)
    found = torch.from_numpy(numpy_gpt.activation(x.numpy(), kind))
    torch.testing.assert_close(found, reference(x), atol=1e-6, rtol=1e-6)


def test_it_changes_no_weight():
    net, numpy = twins(bias=True)
    before = [weights.clone() for weights in net.parameters()]
    first, second = numpy.read(1), numpy.read(1)
    assert not np.shares_memory(first, second)
    for old, new in zip(before, net.parameters(), strict=True):
        assert old.equal(new)


def test_learned_positions_end():
    _, numpy = twins(positions="learned")
    for token in range(11):
        numpy.read(token)
    numpy.read(0)
    with pytest.raises(ValueError, match="learned for 12 tokens only"):
        numpy.read(0)


@pytest.mark.parametrize("token", [-1, 11])
def test_a_token_that_it_does_not_know_is_refused(token):
    with pytest.raises(ValueError, match=rf"token must lie in 0..10, got {token}"):
        twins()[1].read(token)


def test_the_file_needs_no_torch():
    imports = [
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(inspect.getsource(numpy_gpt)))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    ]
    assert set(imports) == {
        "functools",
        "numpy",
        "jaxtyping",
        "lib.model.config",
    }
