"""Readers: NumPy reads a token where it may, and nobody can tell by the scores."""

import pytest
import torch
from torch import nn

from lib.fast.numpy_gpt import NumPyGPT
from lib.generate.reader import CachedReader
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def model(name="small"):
    torch.manual_seed(0)
    net = GPT(PRESETS[name]).eval()
    for weights in net.parameters():
        nn.init.normal_(weights, mean=float(weights.dim() == 1), std=0.2)
    return net


@pytest.fixture
def tokens(monkeypatch):
    """The tokens that NumPy has read."""
    seen, read = [], NumPyGPT.read
    monkeypatch.setattr(
        NumPyGPT, "read", lambda numpy, token: seen.append(token) or read(numpy, token)
    )
    return seen


def read(reader, *stretches):
    with torch.inference_mode():
        return [reader.read(torch.tensor(stretch)) for stretch in stretches]


@pytest.mark.parametrize("name", PRESETS)
def test_numpy_reads_what_follows_the_prompt(name, tokens):
    net = model(name)
    reader = CachedReader(net, [0])
    found = read(reader, [[1, 2, 3]], [[4]], [[5]], [[6, 7]], [[8]])
    assert tokens == [4, 5, 8] and reader.cache.seen == 8
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        expected = net(ids)[:, [2, 3, 4, 6, 7]]
    torch.testing.assert_close(torch.stack(found, dim=1), expected, **CLOSE)


def test_texts_that_part_and_meet_again_are_read_right(tokens):
    net = model()
    reader = CachedReader(net, [0])
    read(reader, [[1, 2, 3]], [[4]])
    reader.select([0])
    read(reader, [[5]])
    reader.select([0, 0])
    read(reader, [[6], [7]])
    reader.select([1])
    (found,) = read(reader, [[8]])
    assert tokens == [4, 5, 8]
    with torch.no_grad():
        expected = net(torch.tensor([[1, 2, 3, 4, 5, 7, 8]]))[:, -1]
    torch.testing.assert_close(found, expected, **CLOSE)


def test_padding_autocast_and_other_types_are_left_to_the_model(tokens):
    net = model()
    read(CachedReader(net, [2]), [[1, 1, 1]], [[2]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        read(CachedReader(net, [0]), [[1]], [[2]])
    (_, found) = read(CachedReader(net.bfloat16(), [0]), [[1]], [[2]])
    assert found.dtype == torch.bfloat16 and not tokens


def test_a_model_that_is_watched_is_left_to_itself(tokens):
    net, seen = model(), []
    net.unembed.register_forward_hook(lambda *_: seen.append(1))
    read(CachedReader(net, [0]), [[1]], [[2]])
    assert len(seen) == 2 and not tokens


def test_the_shortcut_reads_the_weights_of_the_model_itself():
    net = model()
    reader = CachedReader(net, [0])
    read(reader, [[1]])
    with torch.no_grad():
        net.unembed.weight.zero_()
    assert read(reader, [[2]])[0].eq(0).all()
