"""Optimizers: each weight in one group, the right one."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from lib.model.gpt import GPT
from lib.train import adamw
from lib.train.optimizers import OPTIMIZERS
from tests.helpers.models import PRESETS, TINY, configs


@settings(max_examples=20)
@given(configs)
def test_every_weight_is_in_one_group(config):
    model = GPT(config)
    groups = adamw(model, 0.01).param_groups
    held = [weight for group in groups for weight in group["params"]]
    assert len({id(weight) for weight in held}) == len(held)  # a tied one once
    assert {id(weight) for weight in held} == {id(w) for w in model.parameters()}
    for group in groups:
        for weight in group["params"]:
            assert group["weight_decay"] == (0.1 if weight.dim() >= 2 else 0)


def test_frozen_weights_are_left_out():
    model = GPT(TINY)
    model.embed.requires_grad_(False)
    optimizer = adamw(model, 0.01)
    held = [
        id(weight) for group in optimizer.param_groups for weight in group["params"]
    ]
    assert id(model.embed.tokens.weight) not in held and held
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="empty parameter list"):
        adamw(model, 0.01)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_needs_a_model_and_a_rate(name):
    model = GPT(replace(PRESETS["small"], layers=1))
    optimizer = OPTIMIZERS[name](model, 0.01)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert optimizer.param_groups
