"""A model is plain PyTorch: other people's tools work on every preset."""

import copy
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import jaxtyping
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

import lib
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS

CLOSE = {"atol": 1e-5, "rtol": 1e-4}
LIBRARY = str(Path(lib.__file__).parent)


@pytest.fixture(params=PRESETS)
def net(request):
    """A model whose parts all have a say, norms and biases too."""
    torch.manual_seed(0)
    loud = {"zero_output": False, "init_std": 0.2}
    return GPT(replace(PRESETS[request.param], layers=2, **loud)).eval()


def ids(batch=3, time=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(64, (batch, time), generator=generator)


def loss(scores, targets):
    return nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())


def linear_layers(model):
    return [part for part in model.modules() if isinstance(part, nn.Linear)]


def how_many_linear(config):
    feed_forward = 3 if config.feed_forward == "swiglu" else 2
    return config.layers * (4 + feed_forward) + 1


def test_a_gradient_for_each_text_as_in_a_loop(net):
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    texts, targets = ids(), ids(seed=1)

    def one(weights, text, target):
        return loss(functional_call(net, weights, (text[None],)), target[None])

    with sdpa_kernel(SDPBackend.MATH):
        together = vmap(grad(one), in_dims=(None, 0, 0))(weights, texts, targets)
        for row in range(3):
            net.zero_grad()
            loss(net(texts[row : row + 1]), targets[row : row + 1]).backward()
            for name, weight in net.named_parameters():
                torch.testing.assert_close(together[name][row], weight.grad, **CLOSE)


@pytest.fixture
def unchecked(monkeypatch):
    """Without the checks of shapes, which only the tests have around each function."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.usefixtures("unchecked")
def test_it_compiles_into_one_graph(net):
    torch._dynamo.reset()
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(ids()), net(ids()), **CLOSE)
    loss(compiled(ids()), ids(seed=1)).backward()
    found = [weight.grad.clone() for weight in net.parameters()]
    net.zero_grad()
    loss(net(ids()), ids(seed=1)).backward()
    expected = [weight.grad for weight in net.parameters()]
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.usefixtures("unchecked")
def test_it_exports_for_any_batch_and_length(net):
    dims = {"ids": {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}}
    exported = torch.export.export(net, (ids(),), dynamic_shapes=dims).module()
    for batch, time in ((3, 8), (2, 5), (5, 16)):
        x = ids(batch, time)
        torch.testing.assert_close(exported(x), net(x), **CLOSE)


def test_torchao_quantizes_every_linear_layer(net):
    quantization = pytest.importorskip("torchao.quantization")
    expected = net(ids())
    quantization.quantize_(net, quantization.Int8WeightOnlyConfig())
    layers = linear_layers(net)
    assert len(layers) == how_many_linear(net.config)
    assert all(type(layer.weight.data) is not torch.Tensor for layer in layers)
    found = net(ids())
    assert 0 < (found - expected).abs().max() < 0.1 * expected.abs().max()


def test_torchs_own_quantization_finds_every_linear_layer(net):
    with warnings.catch_warnings():  # it is to be removed, and says so
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    assert not linear_layers(small)
    kinds = [type(part).__module__ for part in small.modules()]
    made = [kind for kind in kinds if kind.endswith("quantized.dynamic.modules.linear")]
    assert len(made) == how_many_linear(net.config)
    expected = net(ids())
    assert (small(ids()) - expected).abs().max() < 0.2 * expected.abs().max()


def test_a_deep_copy_is_the_same_model_and_another(net):
    other = copy.deepcopy(net)
    before = net(ids())
    assert other(ids()).equal(before)
    assert (other.unembed.weight is other.embed.tokens.weight) == net.config.tied
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.5)
    assert net(ids()).equal(before) and not other(ids()).equal(before)


def test_hooks_see_what_is_given_by_keyword(net):
    seen = {}

    def note(part, inputs, keywords, output):
        seen[part] = keywords

    parts = [block.attention.part for block in net.blocks]
    for part in parts:
        part.register_forward_hook(note, with_kwargs=True)
    net(ids())
    assert list(seen) == parts
    for keywords in seen.values():
        assert keywords["causal"] and keywords["mask"] is None
        assert keywords["cache"] is None
        rotary = net.config.positions == "rotary"
        assert (keywords["rotation"] is not None) == rotary


def test_a_forward_pass_runs_through_few_functions(net):
    """So few that they can be read in one sitting; PyTorch's own are not counted."""
    functions = set()

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(LIBRARY):
            functions.add(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        net(ids())
    finally:
        sys.setprofile(before)
    functions = {name for name in functions if "<" not in name.split(".")[-1]}
    assert {"GPT.forward", "MultiHeadAttention.project"} <= functions
    assert len(functions) <= 14, sorted(functions)
