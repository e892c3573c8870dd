"""Embedding: the row of each id, with its position's, and which ids are none."""

import pytest
import torch
from torch import nn

from lib.model.embedding import Embedding, check_ids

IDS = torch.tensor([[3, 1, 4], [1, 5, 0]])


def test_each_id_gives_its_row():
    torch.manual_seed(0)
    embed = Embedding(6, 4)
    assert embed(IDS).equal(embed.tokens.weight[IDS])


def test_learned_positions_are_added():
    """Those from 0 on, or those that are named."""
    torch.manual_seed(0)
    embed = Embedding(6, 4, 9)
    nn.init.normal_(embed.positions.vectors)
    tokens, places = embed.tokens.weight[IDS], embed.positions.vectors
    assert embed(IDS).equal(tokens + places[:3])
    named = torch.tensor([[5, 6, 7], [0, 1, 8]])
    assert embed(IDS, named).equal(tokens + places[named])


def test_dropout_is_for_training_alone():
    embed = Embedding(6, 50, dropout=0.5)
    assert (embed(IDS) == 0).float().mean().item() == pytest.approx(0.5, abs=0.2)
    embed.eval()
    assert embed(IDS).equal(embed.tokens.weight[IDS])


@pytest.mark.parametrize("wrong", [6, -1])
def test_ids_outside_the_vocabulary_are_named(wrong):
    ids = IDS.clone()
    ids[1, 2] = wrong
    with pytest.raises(ValueError, match=rf"0\.\.5, got {ids.min()}\.\.{ids.max()}$"):
        Embedding(6, 4)(ids)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_of_any_type_become_int64(dtype):
    found = check_ids(IDS.to(dtype))
    assert found.dtype == torch.int64 and found.equal(IDS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.complex64])
def test_ids_that_are_no_whole_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match=f"must be whole numbers, got {dtype}"):
        check_ids.__wrapped__(torch.zeros(2, 3, dtype=dtype))


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3)])
def test_ids_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(batch, time\), .* got \("):
        check_ids(torch.zeros(shape, dtype=torch.long))
