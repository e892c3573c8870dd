"""The cache against a full pass: any stretches of tokens, any padding, any length."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.model.gpt import GPT
from tests.helpers.models import TINY, configs

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


def model(config=TINY, **changes):
    torch.manual_seed(0)
    return GPT(replace(config, init_std=0.3, **changes))


def ids(net, batch, time, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(net.config.vocab, (batch, time), generator=generator)


def new_cache(net, padding=(0,)):
    return net.new_cache(padding)


@torch.no_grad()
def in_stretches(net, tokens, stretches, padding=(0,)):
    cache = new_cache(net, padding)
    scores = [net(part, cache) for part in tokens.split(stretches, dim=1)]
    return torch.cat(scores, dim=1)


@torch.no_grad()
def banded(net, tokens):
    """A full pass in which each token looks back over `context` tokens."""
    time = torch.arange(tokens.size(1))
    distance = time[:, None] - time
    mask = ((distance >= 0) & (distance < net.config.context))[None, None]
    return net.unembed(net.vectors(tokens, mask=mask))


stretches = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(configs, stretches, st.integers(0, 9))
def test_within_the_context_it_equals_the_model_alone(config, cuts, seed):
    cuts = cuts if sum(cuts) <= 8 else [8]
    net = model(config)
    tokens = ids(net, 2, sum(cuts), seed)
    with torch.no_grad():
        expected = net(tokens)
    torch.testing.assert_close(
        in_stretches(net, tokens, cuts, (0, 0)), expected, **CLOSE
    )


@pytest.mark.parametrize("positions", ["rotary", "none"])
@pytest.mark.parametrize("kv_heads", [1, 4])
@given(cuts=st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_past_it_it_equals_a_full_pass_with_a_banded_mask(positions, kv_heads, cuts):
    net = model(positions=positions, kv_heads=kv_heads, qk_norm=True)
    tokens = ids(net, 1, sum(cuts))
    found = in_stretches(net, tokens, cuts)
    torch.testing.assert_close(found, banded(net, tokens), **CLOSE)


def test_one_by_one_past_the_context():
    net = model()
    tokens = ids(net, 1, 50)
    found = in_stretches(net, tokens, [1] * 50)
    torch.testing.assert_close(found, banded(net, tokens), **CLOSE)


@pytest.mark.parametrize("positions", ["rotary", "learned", "none"])
def test_padding_is_not_there(positions):
    """Two texts in one batch, whatever the padding holds, and each of them alone."""
    net = model(positions=positions)
    long, short = ids(net, 1, 10), ids(net, 1, 6, seed=1)
    for seed in (2, 3):
        tokens = torch.cat([long, torch.cat([ids(net, 1, 4, seed), short], 1)])
        for cuts in ([10], [7, 1, 1, 1], [1] * 10):
            found = in_stretches(net, tokens, cuts, (0, 4))
            alone = [in_stretches(net, text, [text.size(1)]) for text in (long, short)]
            torch.testing.assert_close(found[:1], alone[0], **CLOSE)
            torch.testing.assert_close(found[1:, 4:], alone[1], **CLOSE)


def test_padding_slides_out_of_the_window():
    net = model()
    long, short = ids(net, 1, 30), ids(net, 1, 25, seed=1)
    tokens = torch.cat([long, torch.cat([ids(net, 1, 5), short], 1)])
    found = in_stretches(net, tokens, [8] + [1] * 22, (0, 5))
    torch.testing.assert_close(found[1:, 5:], banded(net, short), **CLOSE)


def test_select_goes_on_with_other_texts():
    net, cache = model(), None
    tokens = ids(net, 3, 6)
    with torch.no_grad():
        cache = new_cache(net, (0, 0, 2))
        net(tokens[:, :4], cache)
        cache.select([2, 0, 2])
        found = net(tokens[[2, 0, 2], 4:], cache)
    expected = in_stretches(net, tokens, [6], (0, 0, 2))[[2, 0, 2], 4:]
    torch.testing.assert_close(found, expected, **CLOSE)


COPIES = {
    "pickle": lambda cache: pickle.loads(pickle.dumps(cache)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("selected", [True, False])
@torch.no_grad()
def test_a_copy_goes_on_as_the_original_would(way, selected):
    """And neither of the two disturbs the other."""
    net = model()
    tokens, others = ids(net, 3, 6), ids(net, 3, 4, seed=1)
    cache = new_cache(net, (0, 0, 2))
    net(tokens[:, :4], cache)
    again = COPIES[way](cache)
    rows = [2, 0] if selected else [0, 1, 2]
    if selected:
        again.select(rows)
    net(others[rows, :1], again)
    rest = [net(part, cache) for part in tokens[:, 4:].split(1, dim=1)]
    other_rest = [net(part, again) for part in others[rows, 1:].split(1, dim=1)]
    whole = torch.cat([tokens[:, :4], others], dim=1)
    expected = in_stretches(net, tokens, [6], (0, 0, 2))[:, 4:]
    torch.testing.assert_close(torch.cat(rest, 1), expected, **CLOSE)
    expected = in_stretches(net, whole, [8], (0, 0, 2))[rows, 5:]
    torch.testing.assert_close(torch.cat(other_rest, 1), expected, **CLOSE)


def test_room_is_taken_once():
    net = model(kv_heads=2)
    cache = new_cache(net)
    before = cache.kept.data_ptr()
    assert cache.kept.shape == (2, 2, 1, 2, 12, 4)
    with torch.no_grad():
        for token in range(30):
            net(torch.tensor([[token % 11]]), cache)
    assert cache.kept.data_ptr() == before


def test_it_has_the_type_of_the_model():
    net = model().to(torch.bfloat16)
    with torch.no_grad():
        cache = new_cache(net)
        assert net(ids(net, 1, 3), cache).dtype == torch.bfloat16
    assert cache.kept.dtype == torch.bfloat16


def test_learned_positions_end():
    net = model(positions="learned")
    cache = new_cache(net)
    with torch.no_grad():
        net(ids(net, 1, 12), cache)
        with pytest.raises(ValueError, match="learned for 12 tokens, got 13"):
            net(ids(net, 1, 1), cache)


def test_another_batch_is_refused():
    net = model()
    with pytest.raises(ValueError, match="the cache is for 2 texts, got 1"):
        net(ids(net, 1, 3), new_cache(net, (0, 0)))
