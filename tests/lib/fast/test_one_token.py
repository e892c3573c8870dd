"""One token at a time against the model with its cache, which has tests of its own."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from torch import nn

from lib.fast.one_token import OneToken, is_plain
from lib.generate.reader import make_reader
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS, TINY, configs

CLOSE = {"atol": 1e-5, "rtol": 1e-4}


def model(config=TINY, **changes):
    """A model with weights such that every part has a say, norms and biases too."""
    torch.manual_seed(0)
    net = GPT(replace(config, zero_output=False, **changes)).eval()
    with torch.no_grad():
        for weights in net.parameters():
            weights.add_(0.2 * torch.randn_like(weights))
    return net


def new_cache(net):
    return net.new_cache()


def ids(net, time):
    return torch.randint(net.config.vocab, (1, time))


@torch.no_grad()
def compare(net, times, prompt=3, **close):
    """Both read a prompt, then token after token, each with a cache of its own."""
    ours, theirs, tokens = new_cache(net), new_cache(net), ids(net, prompt + times)
    for cache in (ours, theirs):
        net(tokens[:, :prompt], cache)
    one = OneToken(net, ours)
    for token in tokens[:, prompt:].split(1, dim=1):
        expected = net(token, theirs)[0, 0]
        torch.testing.assert_close(one.read(token[0]), expected, **(close or CLOSE))
    return one


@pytest.mark.parametrize("name", PRESETS)
def test_it_equals_the_model(name):
    compare(model(PRESETS[name], context=16), times=13)


@pytest.mark.parametrize("name", ["llama2", "small"])
def test_it_equals_the_model_past_the_context(name):
    compare(model(PRESETS[name], context=8), times=30)
    compare(model(PRESETS[name], context=8), times=30, prompt=21)


@given(configs)
def test_it_equals_the_model_whatever_it_is_made_of(config):
    learned = config.positions == "learned"
    compare(model(config), times=5 if learned else 20)


@pytest.mark.parametrize("name", PRESETS)
def test_it_equals_the_model_in_half_precision(name):
    net = model(PRESETS[name], init_std=0.1, context=16).to(torch.bfloat16)
    compare(net, times=10, atol=0.2, rtol=0.05)
    assert OneToken(net, new_cache(net)).read(ids(net, 1)[0]).dtype == torch.bfloat16


def test_the_cache_is_shared():
    """The model may read on where it stopped, and the other way round."""
    net, cache = model(kv_heads=2, qk_norm=True), None
    tokens, cache, other = ids(net, 40), new_cache(net), new_cache(net)
    one = OneToken(net, cache)
    with torch.no_grad():
        for start in range(0, 40, 5):
            parts = tokens[:, start : start + 4], tokens[:, start + 4 : start + 5]
            found = net(parts[0], cache)[0, -1], one.read(parts[1][0])
            expected = [net(part, other)[0, -1] for part in parts]
            torch.testing.assert_close(found, tuple(expected), **CLOSE)


@torch.inference_mode()
def test_the_reader_takes_it_for_one_text_after_its_prompt():
    reader = make_reader(model(), [0])
    reader.read(torch.tensor([[1]]))
    assert reader.one is None
    reader.read(torch.tensor([[1]]))
    first = reader.one
    reader.select([0])
    assert isinstance(first, OneToken) and reader.one is first
    reader.select([0, 0])
    reader.read(torch.tensor([[1], [2]]))
    assert reader.one is None
    reader.select([1])
    found = reader.read(torch.tensor([[3]]))
    assert isinstance(reader.one, OneToken)
    expected = reader.model(torch.tensor([[1, 1, 2, 3]]))[:, -1]
    torch.testing.assert_close(found, expected, **CLOSE)


@torch.inference_mode()
def test_a_text_with_padding_is_left_to_the_model():
    reader = make_reader(model(), [2])
    for time in (5, 1):
        found = reader.read(ids(reader.model, time))
    assert reader.one is None and found.shape == (1, 11)


class Changed(nn.GELU):
    """An activation that the file does not know."""


def test_a_model_that_is_not_plain_is_left_alone():
    net = model(feed_forward="gelu")
    assert is_plain(net) and not is_plain(net.train())
    hook = net.eval().blocks[1].attention.part.register_forward_hook(lambda *_: None)
    assert not is_plain(net)
    hook.remove()
    assert is_plain(net)
    net.blocks[0].feed_forward.part.activation = Changed()
    assert not is_plain(net)
    reader = make_reader(net, [0])
    with torch.inference_mode():
        for token in ids(net, 3).split(1, dim=1):
            reader.read(token)
    assert not isinstance(reader.one, OneToken)


def test_it_leaves_no_gradients_and_no_change_in_the_model():
    net = model(bias=True)
    before = [weights.clone() for weights in net.parameters()]
    one = OneToken(net, new_cache(net))
    first, second = (one.read(torch.tensor([1])) for _ in range(2))
    assert not first.requires_grad and first.data_ptr() != second.data_ptr()
    for old, new in zip(before, net.parameters(), strict=True):
        assert old.equal(new)


def test_learned_positions_end():
    one = compare(model(positions="learned"), times=9)
    with pytest.raises(ValueError, match="learned for 12 tokens, got 13"):
        one.read(torch.tensor([1]))


def test_more_texts_are_refused():
    net = model()
    cache = net.new_cache([0, 0])
    with pytest.raises(ValueError, match="the cache is for 2 texts, got 1"):
        OneToken(net, cache).read(torch.tensor([1]))
