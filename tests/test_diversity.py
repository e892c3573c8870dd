"""Measures of a text, on texts whose measures are known."""

from dataclasses import replace

import pytest
import torch
from models import TINY

from lib.diversity import distinct, known_share, loop, surprise, words
from lib.gpt import GPT
from lib.train import next_token_loss


def test_words():
    assert (
        words("MACBETH:\nIs't far? To-morrow") == "macbeth is't far to morrow".split()
    )


def test_distinct():
    assert distinct("abcd", 1) == distinct("abcd", 4) == 1
    assert distinct("aaaa", 1) == 1 / 4 and distinct("aaaa", 2) == 1 / 3
    assert distinct(["to", "be", "to", "be"], 2) == 2 / 3
    for n in (0, 5):
        with pytest.raises(ValueError, match=rf"n must lie in 1\.\.4.*got {n}"):
            distinct("abcd", n)


@pytest.mark.parametrize(
    ("text", "length"),
    [("abc", 0), ("xaaa", 1), ("xaa", 0), ("zabcabcabc", 3), ("abcabc", 0), ("", 0)],
)
def test_loop(text, length):
    assert loop(text) == length
    assert loop(torch.tensor([ord(c) for c in text]).tolist()) == length


def test_known_share():
    assert known_share(["to", "bee", "or"], {"to", "or"}) == 2 / 3
    with pytest.raises(ValueError, match="at least one word"):
        known_share([], {"to"})


def test_surprise_is_the_loss_within_the_context():
    torch.manual_seed(0)
    net, ids = GPT(replace(TINY, init_std=0.3)), torch.randint(11, (12,))
    expected = next_token_loss(net(ids[None, :-1]), ids[None, 1:]).item()
    assert surprise(net, ids) == pytest.approx(expected, abs=1e-5)
    late = next_token_loss(net(ids[None, :-1])[:, 7:], ids[None, 8:]).item()
    assert surprise(net, ids, begin=8) == pytest.approx(late, abs=1e-5)
    assert surprise(net, torch.randint(11, (40,)), 39) > 0
    for begin in (0, 12):
        with pytest.raises(ValueError, match=f"begin must lie in 1..11, got {begin}"):
            surprise(net, ids, begin)
