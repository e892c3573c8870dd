"""Attribution: against captum, against leaving words out one by one, and complete."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from captum.attr import LayerGradientXActivation, LayerIntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lib.finetune import lora
from lib.finetune.classifier import POOLINGS, Classifier
from lib.inside import attribution
from lib.inside.attribution import (
    baseline_log_odds,
    gradient_times_input,
    integrated_gradients,
    log_odds,
    occlusion,
    unexplained,
    word_vectors,
)
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.models import TINY

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
IDS = torch.tensor([3, 7, 7, 10, 4, 5])
CONFIGS = {
    "rotary": TINY,
    "learned": replace(TINY, positions="learned", norm="layer", residual="post"),
    "dropout": replace(TINY, dropout=0.5),
}


def model(body=Encoder, pooling="weighted", classes=2, config=TINY, seed=0):
    """A classifier with opinions; it stands in training mode, as after a run."""
    torch.manual_seed(seed)
    net = Classifier(body(config), classes, pooling, dropout=0.3)
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.3)
    return net.train()


def theirs(way, net, toward, **how):
    """What captum says, asked for the table's output and summed over the width."""

    def ask(ids):
        return log_odds(net(ids), toward)

    net = net.eval()
    layer = way(ask, net.body.embed.tokens)
    found = layer.attribute(IDS[None], **how)
    return found[0].sum(dim=-1).detach()


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("body", [Encoder, GPT])
def test_equals_captum(body, pooling, config):
    net = model(body, pooling, classes=3, config=CONFIGS[config])
    ours = integrated_gradients(net, IDS, toward=2, baseline=9, steps=50)
    how = {"baselines": torch.full_like(IDS, 9)[None], "n_steps": 50}
    how["method"] = "riemann_middle"
    expected = theirs(LayerIntegratedGradients, net, 2, **how)
    assert ours.abs().max() > 0.01
    torch.testing.assert_close(ours, expected, **CLOSE)
    expected = theirs(LayerGradientXActivation, net, 2)
    torch.testing.assert_close(gradient_times_input(net, IDS, 2), expected, **CLOSE)


def test_adapted_word_vectors_are_what_counts():
    net = model().requires_grad_(False)
    lora.adapt(net, ["tokens", "to_value"], rank=2, alpha=4.0)
    for _, adapter in lora.adapters(net):
        nn.init.normal_(adapter.down)
        nn.init.normal_(adapter.up)
    apart = integrated_gradients(net, IDS)
    lora.merge(net)
    torch.testing.assert_close(integrated_gradients(net, IDS), apart, **CLOSE)
    before = word_vectors(model(), IDS)
    assert (word_vectors(net, IDS) - before).abs().max() > 0.1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_occlusion_leaves_out_one_word_at_a_time(pooling):
    net = model(pooling=pooling, classes=3)
    found = occlusion(net, IDS, toward=1)
    net.eval()
    for place in range(len(IDS)):
        rest = torch.cat([IDS[:place], IDS[place + 1 :]])
        whole, less = (net(ids[None]).softmax(-1)[0, 1] for ids in (IDS, rest))
        fall = torch.logit(whole) - torch.logit(less)
        torch.testing.assert_close(found[place], fall, **CLOSE)


@settings(max_examples=12)
@given(st.integers(0, 99), st.sampled_from([Encoder, GPT]), st.integers(0, 10))
def test_what_is_integrated_adds_up(seed, body, baseline):
    """Completeness: the log-odds of the text minus those of the baseline."""
    net = model(body, seed=seed)
    ids = torch.randint(0, 11, (5,), generator=torch.Generator().manual_seed(seed))
    found = integrated_gradients(net, ids, 1, baseline, steps=200)
    scores = net.eval()(torch.stack([ids, torch.full_like(ids, baseline)]))
    rise = (scores[0, 1] - scores[0, 0]) - (scores[1, 1] - scores[1, 0])
    assert found.sum().item() == pytest.approx(rise.item(), abs=0.05)
    gap = unexplained(net, ids, found, 1, baseline)
    assert gap == pytest.approx(rise.item() - found.sum().item(), abs=1e-4)


def test_more_steps_leave_less_unexplained():
    net = model()
    gaps = [
        abs(unexplained(net, IDS, integrated_gradients(net, IDS, steps=steps)))
        for steps in (1, 8, 64)
    ]
    assert gaps[0] > 10 * gaps[1] > 10 * gaps[2]


def test_the_baseline_may_be_another_text():
    """The same id everywhere is that id; what is left over is measured from there."""
    net = model()
    same = torch.full_like(IDS, 9)
    found = integrated_gradients(net, IDS, baseline=same)
    assert found.equal(integrated_gradients(net, IDS, baseline=9))
    other = IDS.flip(0)
    found = integrated_gradients(net, IDS, baseline=other, steps=200)
    rise = log_odds(net.eval()(IDS[None]), 1).item()
    rise -= log_odds(net(other[None]), 1).item()
    assert found.sum().item() == pytest.approx(rise, abs=0.05)
    assert abs(unexplained(net, IDS, found, baseline=other)) < 0.05
    assert baseline_log_odds(net, IDS, baseline=IDS) == pytest.approx(
        log_odds(net(IDS[None]), 1).item(), abs=1e-5
    )


@pytest.mark.parametrize("toward", [0, 1])
def test_the_log_odds_of_a_baseline_are_those_of_its_text(toward):
    net = model().eval()
    expected = log_odds(net(torch.full_like(IDS, 4)[None]), toward).item()
    assert baseline_log_odds(net, IDS, toward, 4) == pytest.approx(expected, abs=1e-5)


def test_what_speaks_for_one_class_speaks_against_the_other():
    net = model()
    for ask in (gradient_times_input, integrated_gradients, occlusion):
        torch.testing.assert_close(ask(net, IDS, 0), -ask(net, IDS, 1), **CLOSE)


def test_in_a_linear_model_both_gradients_agree():
    """Without blocks and norm the mean of vectors decides; leaving out needs sums."""
    config = replace(TINY, layers=1, feed_forward="none", residual="none", norm="none")
    net = model(config=config, pooling="mean")
    net.body.blocks[0].attention.part.to_output.weight.data.zero_()
    net.body.embed.tokens.weight.data[1] = 0  # the baseline: nothing at all
    expected = integrated_gradients(net, IDS)
    torch.testing.assert_close(gradient_times_input(net, IDS), expected, **CLOSE)


def test_the_log_odds_are_those_of_the_probability():
    scores = 3 * torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    for toward in range(4):
        expected = torch.logit(scores.softmax(-1)[:, toward])
        torch.testing.assert_close(log_odds(scores, toward), expected, **CLOSE)


def test_asking_leaves_no_trace():
    net = model()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():  # as in a cell that measures
        integrated_gradients(net, IDS)
    gradient_times_input(net, IDS)
    occlusion(net, IDS)
    assert net.training and not net.body.embed.tokens._forward_hooks
    assert all(weight.grad is None for weight in net.parameters())
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_a_long_text_is_worked_on_in_parts(monkeypatch):
    net = model()
    asks = [partial(integrated_gradients, steps=7), occlusion]
    whole = [ask(net, IDS) for ask in asks]
    monkeypatch.setattr(attribution, "ROWS", 3)
    for ask, expected in zip(asks, whole, strict=True):
        torch.testing.assert_close(ask(net, IDS), expected, **CLOSE)


def test_what_cannot_be_is_refused():
    net = model()
    for ask in (gradient_times_input, integrated_gradients, occlusion):
        with pytest.raises(ValueError, match=r"toward must lie in 0..1, got 2"):
            ask(net, IDS, 2)
    with pytest.raises(ValueError, match=r"toward must lie in 0..1, got -1"):
        log_odds(torch.zeros(1, 2), -1)
    for ask in (gradient_times_input, integrated_gradients):
        with pytest.raises(ValueError, match="at least one word, got none"):
            ask(net, IDS[:0])
    with pytest.raises(ValueError, match="of 2 words or more, got 1"):
        occlusion(net, IDS[:1])
    with pytest.raises(ValueError, match="steps must be above 0, got 0"):
        integrated_gradients(net, IDS, steps=0)
    with pytest.raises(ValueError, match=r"baseline must lie in 0..10, got 11"):
        integrated_gradients(net, IDS, baseline=11)
    with pytest.raises(ValueError, match=r"as long as ids, got shape \(3,\)"):
        integrated_gradients(net, IDS, baseline=IDS[:3])
    assert net.training and not net.body.embed.tokens._forward_hooks


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("ask", [gradient_times_input, integrated_gradients, occlusion])
def test_every_precision_says_nearly_the_same(ask, dtype):
    net = model()
    expected = ask(net, IDS)
    close = {"atol": 0.1, "rtol": 0.1, "check_dtype": False}
    torch.testing.assert_close(ask(net.to(dtype), IDS), expected, **close)
    assert abs(unexplained(net, IDS, integrated_gradients(net, IDS))) < 0.2
    net.float()
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ask(net, IDS), expected, **close)


def test_ids_of_any_whole_kind_and_wrapped_models():
    net = model()
    wrapped = torch.compile(net, backend="eager")
    for ask in (gradient_times_input, integrated_gradients, occlusion, word_vectors):
        for kind in (torch.uint8, torch.int16, torch.int32):
            assert ask(net, IDS.to(kind)).equal(ask(net, IDS))
        assert ask(wrapped, IDS).equal(ask(net, IDS))


def test_each_part_gets_back_its_mode():
    net = model()
    net.body.eval()
    for ask in (gradient_times_input, integrated_gradients, occlusion):
        ask(net, IDS)
        with pytest.raises(ValueError, match="toward"):
            ask(net, IDS, 2)
        assert net.training and not net.body.training


def test_other_models_are_refused():
    for ask in (gradient_times_input, integrated_gradients, occlusion, word_vectors):
        with pytest.raises(ValueError, match="model must be a Classifier, got Encoder"):
            ask(Encoder(TINY), IDS)


def test_ids_outside_the_vocabulary_are_refused():
    for ask in (gradient_times_input, integrated_gradients, occlusion, word_vectors):
        for bad in ([3, 11], [-1, 3]):
            with pytest.raises(ValueError, match=r"ids must lie in 0\.\.10, got"):
                ask(model(), torch.tensor(bad))
