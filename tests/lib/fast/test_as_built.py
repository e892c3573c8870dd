"""A model that is not as its configuration builds it must be found out."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from lib.fast.as_built import as_built
from lib.fast.speed_up import BFloat16Linear, OneDNNLinear, WrittenOutRMSNorm
from lib.finetune import lora
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS, TINY


def model(**changes):
    torch.manual_seed(0)
    return GPT(replace(TINY, **changes)).eval()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_as_built(name):
    state = torch.get_rng_state()
    net = GPT(PRESETS[name]).eval()
    drawn = torch.get_rng_state()
    assert as_built(net) and not state.equal(drawn)
    assert torch.get_rng_state().equal(drawn)  # asking draws nothing


@pytest.mark.parametrize("kind", [OneDNNLinear, BFloat16Linear])
def test_faster_layers_are_no_change(kind):
    """They leave a single vector to the plain layers."""
    net = model(norm="rms")
    net.unembed.__class__ = kind
    net.norm.__class__ = WrittenOutRMSNorm
    assert as_built(net)


class Louder(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def train_a_part(net):
    net.blocks[1].train()


def hook(net):
    net.blocks[1].attention.part.register_forward_hook(lambda *_: None)


def hook_before(net):
    net.unembed.register_forward_pre_hook(lambda *_: None)


def adapt(net):
    lora.adapt(net, rank=2)


def replace_a_layer(net):
    net.unembed.__class__ = Louder


def replace_an_activation(net):
    net.blocks[0].feed_forward.part.activation = nn.GELU(approximate="tanh")


def change_an_epsilon(net):
    net.norm.eps = 0.1


def drop_a_block(net):
    del net.blocks[1]


def patch_a_method(net):
    net.unembed.forward = lambda x: x


def narrow(net):
    net.bfloat16()


@pytest.mark.parametrize(
    "change",
    [
        train_a_part,
        hook,
        hook_before,
        adapt,
        replace_a_layer,
        replace_an_activation,
        change_an_epsilon,
        drop_a_block,
        patch_a_method,
        narrow,
    ],
)
def test_a_change_is_seen(change):
    net = model(feed_forward="gelu")
    assert as_built(net)
    change(net)
    assert not as_built(net)


def test_a_hook_on_all_modules_is_seen():
    net = model()
    handle = register_module_forward_hook(lambda *_: None)
    try:
        assert not as_built(net)
    finally:
        handle.remove()
    assert as_built(net)


def test_only_a_gpt_is_as_built():
    net = model()
    assert as_built(copy.deepcopy(net))
    assert not as_built(Encoder(TINY).eval())
    assert not as_built(torch.compile(net, backend="eager"))
    assert not as_built(nn.Linear(2, 2).eval())
    assert not as_built(net.to("meta"))
