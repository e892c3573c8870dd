"""The loop on the device: what float64 learns on the CPU, in each way of training."""

import copy
from dataclasses import replace
from itertools import islice

import jaxtyping
import pytest
import torch

from lib import train
from lib.model.gpt import GPT
from lib.train.optimizers import OPTIMIZERS
from tests.helpers.devices import TIME, exact, learnable, loud, small

RATES = {"adamw": 0.01, "muon": 0.02}
STEPS = 30


def batches(batch=8, text=None):
    return train.windows(learnable() if text is None else text, batch, TIME, seed=5)


def untrained(dropout=0.0):
    torch.manual_seed(0)
    return GPT(small(dropout))


def learn(model, rule="adamw", steps=STEPS, drawn=None, hooks=(), **settings):
    """Train a model where it is; what was measured."""
    optimizer = OPTIMIZERS[rule](model, RATES[rule])
    drawn = batches() if drawn is None else drawn
    return train.train(model, optimizer, drawn, steps, callbacks=hooks, **settings)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_the_first_losses_are_those_of_float64_and_they_fall(rule, device):
    model = untrained()
    expected = learn(exact(model), rule, steps=5).losses
    history = learn(model.to(device), rule)
    assert history.losses[:5] == pytest.approx(expected, abs=1e-3)
    assert sum(history.losses[-5:]) / 5 < history.losses[0] - 1
    assert history.tokens == STEPS * 8 * TIME
    assert {weight.device.type for weight in model.parameters()} == {device.type}


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_half_precision_learns_as_much_and_weights_stay_whole(rule, kind, device):
    model, kinds = untrained().to(device), []
    model.unembed.register_forward_hook(lambda *call: kinds.append(call[2].dtype))
    history = learn(model, rule, precision=kind)
    plain = learn(untrained().to(device), rule)
    assert set(kinds) == {getattr(torch, kind)}
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert history.losses[0] == pytest.approx(plain.losses[0], abs=0.02)
    last = [sum(h.losses[-5:]) / 5 for h in (history, plain)]
    assert last[0] == pytest.approx(last[1], abs=0.15)
    assert last[0] < history.losses[0] - 1


def test_half_is_what_the_device_computes_in(device):
    model, kinds = untrained().to(device), []
    model.unembed.register_forward_hook(lambda *call: kinds.append(call[2].dtype))
    learn(model, steps=1, precision="half")
    old = device.type == "cuda" and torch.cuda.get_device_capability() < (8, 0)
    assert kinds == [torch.float16 if old else torch.bfloat16]


def halved(tensor):
    return tensor.split(len(tensor) // 2)


def test_batches_add_up_to_a_large_one(device):
    whole, pieces = untrained().to(device), untrained().to(device)
    drawn = list(islice(batches(), 6))
    halves = [pair for batch in drawn for pair in zip(*map(halved, batch), strict=True)]
    one = learn(whole, steps=6, drawn=drawn)
    two = learn(pieces, steps=6, drawn=halves, accumulate=2)
    assert two.losses == pytest.approx(one.losses, abs=1e-4)
    assert two.norms == pytest.approx(one.norms, rel=1e-3)
    assert two.tokens == one.tokens


def test_a_compiled_model_learns_the_same(device, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    backend = "inductor" if device.type == "cuda" else "aot_eager"
    torch.manual_seed(0)
    model = GPT(replace(small(), layers=1)).to(device)
    expected = learn(copy.deepcopy(model), steps=6)
    found = learn(torch.compile(model, backend=backend), steps=6)
    assert found.losses == pytest.approx(expected.losses, abs=1e-3)


class Fails(train.Callback):
    """Breaks a run off, as a full disk or a power cut does."""

    def __init__(self, step):
        self.step = step

    def after_step(self, run):
        if run.step == self.step:
            raise RuntimeError("broken off on purpose")


def hooks(folder, *others):
    held_out = [next(batches(text=learnable().flip(0)))]
    found = [train.Evaluate(2, held_out), train.EarlyStopping(9)]
    return [*found, *others, train.Checkpoint(folder, every=3)]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_resumed_run_ends_as_one_that_nothing_stopped(rule, device, tmp_path):
    """Dropout shows that the device's random numbers go on where they were.

    On the CPU it is the same to the bit; on a GPU sums may be added in another order.
    """
    whole = untrained(0.1).to(device)
    expected = learn(whole, rule, 8, hooks=hooks(tmp_path / "whole"))
    stopped = hooks(tmp_path / "broken", Fails(5))
    broken = untrained(0.1).to(device)
    with pytest.raises(RuntimeError, match="on purpose"):
        learn(broken, rule, 8, hooks=stopped)
    torch.manual_seed(99)
    resumed = untrained(0.1).to(device)
    torch.manual_seed(99)
    found = learn(resumed, rule, 8, hooks=hooks(tmp_path / "broken"))
    near = 0 if device.type == "cpu" else 1e-4
    assert found.losses == pytest.approx(expected.losses, abs=near, rel=0)
    assert found.held_out[-1] == pytest.approx(expected.held_out[-1], abs=near, rel=0)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=10 * near, rtol=0)


def test_a_checkpoint_of_the_device_opens_on_the_cpu(device, tmp_path):
    model = untrained().to(device)
    learn(model, steps=3, hooks=[train.Checkpoint(tmp_path, every=3)])
    opened = loud(GPT(small()))
    train.load_weights(opened, tmp_path)
    for found, expected in zip(opened.parameters(), model.parameters(), strict=True):
        assert found.device.type == "cpu" and found.equal(expected.detach().cpu())


def test_a_run_that_diverges_leaves_the_last_good_weights(device):
    model, seen = untrained().to(device), []

    class Spoils(train.Callback):
        def after_step(self, run):
            seen.append(copy.deepcopy(model.state_dict()))

    def objective(model, batch):
        loss = train.token_loss(model, batch)
        return loss * float("nan") if len(seen) == 3 else loss

    with pytest.raises(train.Diverged):
        learn(model, hooks=[Spoils()], objective=objective)
    for name, weight in model.state_dict().items():
        assert weight.equal(seen[1][name]) and weight.isfinite().all()
