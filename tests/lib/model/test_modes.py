"""Modes come back as they were, part by part; wrappers come off."""

import pytest
import torch
from torch import nn

from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap
from tests.helpers.models import TINY


def modes(model):
    return [part.training for part in model.modules()]


@pytest.mark.parametrize("training", [True, False])
def test_each_part_gets_back_its_own_mode(training):
    model = GPT(TINY).train(training)
    model.blocks[0].train(not training)
    before = modes(model)
    with evaluating(model):
        assert not any(modes(model))
    assert modes(model) == before


def test_modes_come_back_when_the_work_fails():
    model = GPT(TINY).train()
    model.blocks[1].eval()
    before = modes(model)
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert modes(model) == before


def test_a_compiled_model_is_unwrapped():
    model = GPT(TINY)
    assert unwrap(torch.compile(model, backend="eager")) is model
    assert unwrap(model) is model


def test_a_model_inside_ddp_is_unwrapped(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1
    )
    try:
        model = GPT(TINY)
        wrapped = nn.parallel.DistributedDataParallel(model)
        assert unwrap(wrapped) is model
        assert unwrap(torch.compile(wrapped, backend="eager")) is model
    finally:
        torch.distributed.destroy_process_group()
