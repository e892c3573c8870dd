"""Beam search against trying out every text."""

import math
from itertools import product

import pytest
import torch

from lib.generate.beam import Beams, beam_search
from lib.generate.reader import make_reader

torch.manual_seed(0)
TABLE = (2 * torch.randn(4, 4)).log_softmax(-1)


def table(ids):
    return TABLE[ids[:, -1:]]


def find(max_new_tokens, strategy, stop=()):
    reader = make_reader(table, [0])
    return beam_search(reader, torch.tensor([1]), max_new_tokens, strategy, stop)


def score(text):
    return sum(TABLE[a, b].item() for a, b in zip([1, *text], text, strict=False))


def test_enough_beams_find_the_likeliest_text_of_all():
    best = max(product(range(4), repeat=5), key=score)
    assert find(5, Beams(4**4)) == list(best)


def test_more_beams_find_no_worse_a_text():
    found = [score(find(6, Beams(many))) for many in (1, 4, 64)]
    assert found[0] < found[1] <= found[2]


def test_one_beam_is_greedy():
    text = find(6, Beams(1))
    for before, token in zip([1, *text], text, strict=False):
        assert token == TABLE[before].argmax()


@pytest.mark.parametrize("penalty", [0.0, 1.0, 3.0])
def test_of_all_texts_that_end_the_best_by_the_rule_is_found(penalty):
    """With 0 the first bound is exact; else the search may stop early, but not here."""
    ended = [
        (*text, 0)
        for length in range(5)
        for text in product(range(1, 4), repeat=length)
    ] + list(product(range(1, 4), repeat=5))
    best = max(ended, key=lambda text: score(text) / len(text) ** penalty)
    found = find(5, Beams(4**4, penalty), stop=[0])
    assert found == list(best)


def test_a_long_penalty_makes_longer_texts():
    lengths = [len(find(8, Beams(3, penalty), [0])) for penalty in (0.0, 1.0, 4.0)]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]


@pytest.mark.parametrize("beams", [0, -1, True])
def test_no_beams_are_refused(beams):
    with pytest.raises(ValueError, match=f"beams .* number above 0, got {beams}"):
        Beams(beams)


@pytest.mark.parametrize("penalty", [math.nan, math.inf, 11.0])
def test_a_penalty_that_is_no_power_is_refused(penalty):
    with pytest.raises(ValueError, match=r"length_penalty must lie in -10\.\.10, got"):
        Beams(2, penalty)
