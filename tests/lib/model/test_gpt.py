"""GPT: what it starts from, what it cannot see, its limits."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from lib.hub import huggingface
from lib.inside.hooks import residual_stream
from lib.model.attention import MultiHeadAttention
from lib.model.config import CHOICES
from lib.model.feedforward import FEED_FORWARDS
from lib.model.gpt import GPT, NORMS, SUBLAYERS
from lib.model.masks import causal_mask, packed_mask
from lib.model.positions import cos_sin, packed_positions
from lib.train import adamw, next_token_loss, train, windows
from tests.helpers.models import PRESETS, TINY, configs

CLOSE = {"atol": 1e-5, "rtol": 0}


def ids(config, batch=2, time=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(config.vocab, (batch, time), generator=generator)


def model(config=TINY, **changes):
    torch.manual_seed(0)
    return GPT(replace(config, **changes))


# --- what it computes


@given(configs, st.integers(1, 8), st.data())
def test_every_model_scores_every_token_and_ignores_the_future(config, time, data):
    t = data.draw(st.integers(0, time - 1))
    net = model(config, init_std=0.3)
    past = ids(config, time=time)
    changed = past.clone()
    changed[:, t + 1 :] = ids(config, time=time, seed=1)[:, t + 1 :]
    scores = net(past)
    assert scores.shape == (2, time, config.vocab) and scores.isfinite().all()
    torch.testing.assert_close(net(changed)[:, : t + 1], scores[:, : t + 1])


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_with_positions_the_order_of_the_past_matters(positions):
    first, swapped = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 3, 1, 4]])
    blind = model(layers=1, positions="none", init_std=0.3)
    torch.testing.assert_close(blind(first)[:, -1], blind(swapped)[:, -1])
    seeing = model(layers=1, positions=positions, init_std=0.3)
    assert not torch.allclose(seeing(first)[:, -1], seeing(swapped)[:, -1], atol=1e-3)


@given(configs)
def test_texts_that_share_a_row_are_read_as_if_alone(config):
    net, x = model(config, init_std=0.3).eval(), ids(config)
    parts = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1]])
    found = net(x, mask=packed_mask(parts), positions=packed_positions(parts))
    torch.testing.assert_close(found[:, :5], net(x[:, :5]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, 5:], net(x[:, 5:]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("named", ["mask", "positions"])
def test_a_cache_has_a_mask_and_positions_of_its_own(named):
    net, x = model(), ids(TINY, batch=1)
    given = {"mask": causal_mask(8), "positions": torch.arange(8)[None]}
    with pytest.raises(ValueError, match=f"a cache .*{named[:4]}.* beside it"):
        net(x, net.new_cache(), **{named: given[named]})


def test_it_is_the_sum_of_its_parts():
    """One pre-norm block, written out."""
    net, x = model(layers=1, init_std=0.3), ids(TINY)
    block, stream = net.blocks[0], net.embed.tokens.weight[x]
    attention, feed_forward = block.attention, block.feed_forward
    mask, rotation = causal_mask(8), cos_sin(torch.arange(8), dim=4)
    found = attention.part(attention.norm(stream), mask=mask, rotation=rotation)
    stream = stream + found
    stream = stream + feed_forward.part(feed_forward.norm(stream))
    expected = net.norm(stream) @ net.embed.tokens.weight.T
    torch.testing.assert_close(net(x), expected, **CLOSE)


@pytest.mark.parametrize("preset", PRESETS)
def test_dropout_works_in_training_alone(preset):
    net, x = model(PRESETS[preset], dropout=0.3), ids(PRESETS[preset])
    assert not net.train()(x).equal(net(x))
    assert net.eval()(x).equal(net(x))
    dry = model(PRESETS[preset])
    assert dry.train()(x).equal(net(x))


def test_it_learns():
    net = model(PRESETS["small"], vocab=5, width=16, layers=1, hidden=24)
    batches = windows(torch.arange(200) % 5, 8, 6)
    losses = train(net, adamw(net, lr=0.02), batches, steps=60).losses
    assert losses[-1] < 0.1 < losses[0]


# --- what it starts from


def test_a_tied_head_is_the_token_matrix():
    net = model(tied=True)
    assert net.unembed.weight is net.embed.tokens.weight
    names = [name for name, _ in net.named_parameters()]
    assert "embed.tokens.weight" in names and "unembed.weight" not in names
    next_token_loss(net(ids(TINY)), ids(TINY)).backward()
    nn.init.zeros_(net.embed.tokens.weight)
    assert (net(ids(TINY)) == 0).all()
    copy = GPT(net.config)
    copy.load_state_dict(net.state_dict())
    assert copy.unembed.weight is copy.embed.tokens.weight


def test_an_untied_head_has_weights_of_its_own():
    net = model(tied=False)
    assert net.unembed.weight.data_ptr() != net.embed.tokens.weight.data_ptr()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_first_predictions_are_near_even(preset):
    config = PRESETS[preset]
    x, y = (ids(config, batch=32, time=16, seed=seed) for seed in (0, 1))
    loss = next_token_loss(model(config)(x), y)
    assert loss.item() == pytest.approx(math.log(config.vocab), abs=0.25)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_stream_starts_the_same_however_deep_the_model(preset):
    """What all parts add together does not depend on their number."""

    def growth(layers):
        sizes = {"width": 128, "layers": layers, "hidden": 512}
        net = model(PRESETS[preset], **sizes, zero_output=False)
        stream = residual_stream(net, ids(net.config, batch=8, time=16))
        return (stream[f"blocks.{layers - 1}.feed_forward"] - stream["embed"]).var()

    shallow = growth(2)
    for layers in (8, 32):
        assert 0.6 < growth(layers) / shallow < 1.6


def test_projections_into_the_stream_start_smaller():
    net = model(replace(PRESETS["gpt2"], width=128, layers=8, init_std=0.05))
    for name, weight in net.named_parameters():
        if name.endswith("to_output.weight"):
            assert weight.std().item() == pytest.approx(0.05 / 4, rel=0.05), name
        elif weight.dim() == 2:
            assert weight.std().item() == pytest.approx(0.05, rel=0.05), name
        elif "norm" in name and name.endswith("weight"):
            assert (weight == 1).all(), name
        else:
            assert (weight == 0).all(), name


@pytest.mark.parametrize("preset", ["gpt2", "llama2"])
def test_parts_can_start_silent_and_learn_to_speak(preset):
    net = model(PRESETS[preset], zero_output=True)
    x = ids(net.config)
    stream = residual_stream(net, x)
    assert all(after.equal(stream["embed"]) for after in stream.values())
    net(x).logsumexp(-1).mean().backward()
    moved = {name for name, w in net.named_parameters() if w.grad.abs().sum() > 0}
    assert {name for name in moved if "to_output.weight" in name}


@torch.no_grad()
def test_the_vectors_equal_transformers():
    sizes = {"vocab_size": 11, "n_positions": 8, "n_embd": 16, "n_layer": 2}
    theirs = GPT2LMHeadModel(GPT2Config(**sizes, n_head=4, initializer_range=0.3))
    ours, x = huggingface.from_hf(theirs.state_dict(), theirs.config), ids(TINY) % 11
    expected = theirs.eval().transformer(x).last_hidden_state
    torch.testing.assert_close(ours.eval().vectors(x), expected, **CLOSE)


# --- parts and limits


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_makes_another_model(name):
    scores = {
        tuple(model(init_std=0.3, **{name: choice})(ids(TINY)).flatten().tolist())
        for choice in CHOICES[name]
    }
    assert len(scores) == len(CHOICES[name])


def test_every_choice_of_a_part_is_there():
    made = {"norm": NORMS, "residual": SUBLAYERS, "feed_forward": FEED_FORWARDS}
    for name, parts in made.items():
        assert {*parts, "none"} == {*CHOICES[name]}, name


def test_post_norm_ends_in_a_norm_and_needs_no_other():
    net = model(residual="post", init_std=0.3)
    last = list(residual_stream(net, ids(TINY)).values())[-1]
    torch.testing.assert_close(
        last.pow(2).mean(-1), torch.ones(2, 8), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(net.unembed(last), net(ids(TINY)))


def test_heads_share_keys_and_values():
    net = model(kv_heads=1)
    for part in net.modules():
        if isinstance(part, MultiHeadAttention):
            assert part.to_key.weight.shape == part.to_value.weight.shape == (4, 16)


def test_learned_positions_have_an_end_and_rotary_ones_none():
    longer = ids(TINY, time=13)
    with pytest.raises(ValueError, match="learned for 12 tokens, got 13"):
        model(positions="learned")(longer)
    with pytest.raises(ValueError, match="learned for 12 tokens, got 13"):
        residual_stream(model(positions="learned"), longer)
    assert model(positions="rotary")(longer).shape == (2, 13, 11)
