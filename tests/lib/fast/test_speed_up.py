"""Layers are changed where they win, and nothing else about the model is."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from lib.fast import linear
from lib.fast import speed_up as module
from lib.fast.linear import BFloat16Linear, OneDNNLinear
from lib.fast.norm import WrittenOutRMSNorm
from lib.fast.speed_up import Report, Trial, slow_down, speed_up
from lib.finetune import lora
from lib.generate.loop import GREEDY, generate
from lib.model.config import GPTConfig
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from tests.helpers.models import PRESETS, configs

pytestmark = pytest.mark.skipif(
    not linear.HAS_ONEDNN, reason="this PyTorch has no oneDNN"
)
SMALL = PRESETS["small"]
PLAIN = {nn.Linear, nn.RMSNorm}


def model(config=SMALL):
    torch.manual_seed(0)
    return GPT(config)


def winner(name):
    """A clock by which layers of the class of that name are twice as fast."""
    return lambda layer, *_: 0.001 if type(layer).__name__ == name else 0.002


def plain_loses(layer, *_):
    """A clock by which every candidate is twice as fast as the plain layer."""
    return 0.002 if type(layer) in PLAIN else 0.001


@pytest.fixture
def all_win(monkeypatch):
    monkeypatch.setattr(module, "_seconds", plain_loses)


def kinds(net):
    return {type(part) for part in net.modules()}


def gradients(net, ids):
    loss = F.cross_entropy(net(ids).flatten(0, 1), ids.flatten())
    return dict(
        zip(
            (name for name, _ in net.named_parameters()),
            torch.autograd.grad(loss, list(net.parameters())),
            strict=True,
        )
    )


def compare(net, other, ids):
    found, expected = gradients(net, ids), gradients(other, ids)
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_gradients_stay_equal(name, all_win):
    net = model(PRESETS[name])
    plain = copy.deepcopy(net)
    speed_up(net, (3, 16))
    assert OneDNNLinear in kinds(net) and nn.Linear not in kinds(net)
    compare(net, plain, torch.randint(64, (3, 16)))


@given(configs, st.integers(1, 3), st.integers(1, 8))
@settings(max_examples=20)
def test_gradients_stay_equal_whatever_it_is_made_of(config, batch, time):
    net = model(config)
    plain = copy.deepcopy(net)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_seconds", plain_loses)
        speed_up(net, (batch, time))
    compare(net, plain, torch.randint(config.vocab, (batch, time)))


def test_what_wins_is_kept_and_the_rest_stays(monkeypatch):
    monkeypatch.setattr(module, "_seconds", winner("WrittenOutRMSNorm"))
    net = model()
    report = speed_up(net, torch.zeros(2, 16, dtype=torch.long))
    assert WrittenOutRMSNorm in kinds(net) and nn.RMSNorm not in kinds(net)
    assert nn.Linear in kinds(net) and OneDNNLinear not in kinds(net)
    names = {name for name, part in net.named_modules() if type(part) in module.PLAIN}
    kept = {t.kept: set() for t in report.trials}
    for trial in report.trials:
        kept[trial.kept] |= set(trial.layers)
    assert kept["WrittenOutRMSNorm"] == names
    assert len(kept["Linear"]) == 4 * 6 + 1 and "unembed" in kept["Linear"]


def test_a_close_contest_changes_nothing(monkeypatch):
    monkeypatch.setattr(
        module, "_seconds", lambda layer, *_: 1.0 if type(layer) in PLAIN else 0.96
    )
    net = model()
    speed_up(net, (2, 16), bfloat16=True)
    assert not kinds(net) & set(module.PLAIN)


def test_bfloat16_is_tried_only_where_it_is_allowed(monkeypatch):
    monkeypatch.setattr(linear, "HAS_BFLOAT16", True)
    monkeypatch.setattr(module, "_seconds", winner("BFloat16Linear"))
    net = model()
    speed_up(net, (2, 16))
    assert BFloat16Linear not in kinds(net)
    speed_up(net, (2, 16), bfloat16=True)
    assert BFloat16Linear in kinds(net)
    monkeypatch.setattr(linear, "HAS_BFLOAT16", False)
    speed_up(net, (2, 16), bfloat16=True)
    assert BFloat16Linear not in kinds(net)


def test_real_times_are_measured():
    report = speed_up(model(), (2, 16))
    for trial in report.trials:
        assert all(0 < seconds < 1 for seconds in trial.seconds.values())
        plain, *candidates = trial.seconds
        assert plain in ("Linear", "RMSNorm") and len(candidates) == 1
        best = min(trial.seconds, key=trial.seconds.get)
        assert trial.kept in (plain, best)


def test_weights_names_modes_and_random_numbers_stay(all_win):
    net = model()
    net.blocks[0].eval()
    modes = [part.training for part in net.modules()]
    before, names = dict(net.named_parameters()), list(net.state_dict())
    values = {name: weight.detach().clone() for name, weight in before.items()}
    state = torch.get_rng_state()
    speed_up(net, (2, 16))
    assert torch.get_rng_state().equal(state)
    assert [part.training for part in net.modules()] == modes
    assert list(net.state_dict()) == names
    for name, weight in net.named_parameters():
        assert weight is before[name] and weight.equal(values[name])
        assert weight.grad is None
    assert not any(part._forward_pre_hooks for part in net.modules())


def test_slow_down_undoes_it(all_win):
    net = model()
    before, state = kinds(net), [set(vars(part)) for part in net.modules()]
    speed_up(net, (2, 16))
    assert kinds(net) != before
    slow_down(net)
    assert kinds(net) == before
    assert [set(vars(part)) for part in net.modules()] == state
    weights = dict(net.named_parameters())
    ids = torch.randint(64, (2, 8))

    def loss(weights, text):
        scores = functional_call(net, weights, (text[None],))
        return F.cross_entropy(scores[0], text)

    with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
        each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, ids)
    alone = torch.func.grad(loss)(weights, ids[1])
    for name, gradient in each.items():
        torch.testing.assert_close(gradient[1], alone[name], atol=1e-5, rtol=1e-4)


def test_twice_is_as_once(all_win):
    net = model()
    first = speed_up(net, (2, 16))
    found = [type(part) for part in net.modules()]
    assert speed_up(net, (2, 16)) == first
    assert [type(part) for part in net.modules()] == found


def test_a_copy_an_adapter_and_a_text_still_work(all_win):
    net = model().eval()
    prompt = torch.tensor([1, 2, 3])
    expected = generate(net, prompt, 6, GREEDY)
    speed_up(net, (2, 16))
    assert generate(copy.deepcopy(net), prompt, 6, GREEDY).equal(expected)
    lora.adapt(net, rank=2)
    assert generate(net, prompt, 6, GREEDY).equal(expected)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda net: net.double(), "float64"),
        (lambda net: net.to("meta"), "on meta"),
        (lambda net: torch.compile(net, backend="eager"), "compiled"),
    ],
)
def test_where_there_is_nothing_to_do_it_says_why(change, words):
    net = change(model())
    report = speed_up(net, (2, 16))
    assert words in report.note and not report.trials and str(report) == report.note
    assert not kinds(net) & set(module.PLAIN)


def test_a_model_without_such_layers_stays():
    table = nn.Embedding(5, 3)
    assert "no layer" in str(speed_up(table, (2, 4)))


def test_without_the_operator_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(linear, "HAS_ONEDNN", False)
    report = speed_up(model(PRESETS["gpt2"]), (2, 16), bfloat16=True)
    assert not report.trials


def test_parts_of_other_people_stay(all_win):
    class Own(nn.Linear):
        pass

    net = nn.Sequential(nn.Embedding(5, 8), Own(8, 8), nn.RMSNorm(8), nn.Linear(8, 5))
    speed_up(net, (2, 4))  # eps=None and a class that is not ours to change
    assert [type(part) for part in net[1:]] == [Own, nn.RMSNorm, OneDNNLinear]


def test_frozen_weights_and_encoders_are_sped_up_too(all_win):
    net = Encoder(GPTConfig(7, 8, width=8, layers=1, heads=2))
    net.unembed.requires_grad_(False)
    report = speed_up(net, (2, 8))
    assert type(net.unembed) is OneDNNLinear and not net.unembed.weight.requires_grad
    assert any("frozen" in trial.what for trial in report.trials)


def test_a_report_reads_well():
    seconds = {"Linear": 0.002, "OneDNNLinear": 0.0015}
    trial = Trial(("a", "b"), "Linear(8, 8) on (2, 8)", seconds, "OneDNNLinear")
    assert str(Report((trial,))) == (
        "2 x Linear(8, 8) on (2, 8): Linear 2.00 ms, OneDNNLinear 1.50 ms; "
        "kept OneDNNLinear"
    )


@pytest.mark.parametrize("batch", [(0, 4), (2, -1)])
def test_a_batch_that_is_none_is_refused(batch):
    with pytest.raises(ValueError, match="batch must be ids or sizes"):
        speed_up(model(), batch)
