"""Measures of a text, on texts whose measures are known."""

import inspect
from dataclasses import replace

import pytest
import torch
from torch import nn

from lib.measure.diversity import cycle_length, distinct, known_share, surprises
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.train import next_token_loss
from tests.helpers.models import TINY


def test_distinct():
    assert distinct("abcd", 1) == distinct("abcd", 4) == 1
    assert distinct("aaaa", 1) == 1 / 4 and distinct("aaaa", 2) == 1 / 3
    assert distinct(["to", "be", "to", "be"], 2) == 2 / 3
    for n in (0, 5):
        with pytest.raises(ValueError, match=rf"n must lie in 1\.\.4.*got {n}"):
            distinct("abcd", n)


@pytest.mark.parametrize(
    "text, length",
    [("abc", 0), ("xaaa", 1), ("xaa", 0), ("zabcabcabc", 3), ("abcabc", 0), ("", 0)],
)
def test_cycle_length(text, length):
    assert cycle_length(text) == length
    assert cycle_length(torch.tensor([ord(c) for c in text]).tolist()) == length


def test_known_share():
    assert known_share(["to", "bee", "or"], {"to", "or"}) == 2 / 3
    with pytest.raises(ValueError, match="at least one word"):
        known_share([], {"to"})
    with pytest.raises(ValueError, match="a list of at least one word, got 'to'"):
        known_share("to", {"to"})


def test_surprises_are_the_loss_within_the_context():
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3)), torch.randint(11, (12,))
    expected = next_token_loss(net(ids[None, :-1]), ids[None, 1:]).item()
    found = surprises(net, ids)
    assert found.shape == (11,) and not found.requires_grad
    assert found.mean().item() == pytest.approx(expected, abs=1e-5)
    for t in (1, 5, 11):
        scores = net(ids[None, :t])[0, -1].log_softmax(-1)
        assert found[t - 1].item() == pytest.approx(-scores[ids[t]].item(), abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_surprises_in_other_precision_are_nearly_the_same(dtype):
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3)), torch.randint(11, (30,))
    expected = surprises(net, ids)
    found = surprises(net.to(dtype), ids).float()
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0.1)


@pytest.mark.filterwarnings("ignore:Mismatch dtype:UserWarning")
def test_surprises_under_autocast_and_of_a_compiled_model():
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3)), torch.randint(11, (30,))
    expected = surprises(net, ids)
    assert surprises(torch.compile(net, backend="eager"), ids).equal(expected)
    with torch.autocast("cpu", torch.bfloat16):
        found = surprises(net, ids)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0.1)


def test_surprises_are_measured_without_dropout_and_leave_the_modes():
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3, dropout=0.5)), torch.randint(11, (9,))
    expected = surprises(net.eval(), ids)
    net.train()
    net.blocks[0].eval()
    before = [part.training for part in net.modules()]
    assert surprises(net, ids).equal(expected)
    assert [part.training for part in net.modules()] == before


@pytest.mark.parametrize(
    "net, ids, says",
    [
        (Encoder(TINY), [1, 2], "model must be a GPT, got Encoder"),
        (nn.Linear(2, 2), [1, 2], "model must be a GPT, got Linear"),
        (GPT(TINY), [1, 11], r"ids must lie in 0\.\.10, got 1\.\.11"),
        (GPT(TINY), [[1, 2]], "ids must be a tensor of integers with one axis"),
    ],
)
def test_what_has_no_surprises_is_refused(net, ids, says):
    with pytest.raises(ValueError, match=says):
        inspect.unwrap(surprises)(net, torch.tensor(ids))


def test_a_tensor_is_measured_as_its_numbers():
    text = torch.tensor([1, 1, 1, 2, 1, 2, 1, 2])
    assert inspect.unwrap(distinct)(text, 1) == distinct(text.tolist(), 1) == 2 / 8
    assert inspect.unwrap(cycle_length)(text) == cycle_length(text.tolist()) == 2


def test_surprises_go_on_past_the_context():
    net = GPT(replace(TINY, init_std=0.3))
    assert surprises(net, torch.randint(11, (40,))).shape == (39,)
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        surprises(net, torch.tensor([1]))
