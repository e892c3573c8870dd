"""Half precision: chosen by the device; float16 is scaled, and steps may be skipped."""

import math
from itertools import count

import pytest
import torch
from torch import nn

from lib.train import Checkpoint, Diverged, Run, muon, take_step, token_loss, train
from lib.train.precision import half_type
from tests.helpers.runs import At, batches, make, run, same

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "card, expected",
    [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_a_card_gets_the_type_that_it_computes_with(monkeypatch, card, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: card)
    assert half_type("half", torch.device("cuda", 0)) == expected
    assert half_type("bfloat16", torch.device("cuda")) == torch.bfloat16
    assert half_type("float16", torch.device("cuda")) == torch.float16
    assert half_type("float32", torch.device("cuda")) is None


def test_other_devices_get_bfloat16():
    assert half_type("half", CPU) == half_type("bfloat16", CPU) == torch.bfloat16
    assert not Run(*make(), iter([]), 1, precision="half").scaler.is_enabled()
    assert Run(*make(), iter([]), 1, precision="float16").scaler.is_enabled()


def test_half_is_that_type():
    assert same(run(precision="half"), run(precision="bfloat16"))


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("rule", ["adamw", "muon"])
def test_float16_trains_like_float32(rule, accumulate):
    """Losses, gradients before clipping, and weights, but for float16's rounding."""

    def go(precision):
        model, optimizer = make()
        if rule == "muon":
            optimizer = muon(model)
        history = train(
            model,
            optimizer,
            batches(),
            10,
            precision=precision,
            accumulate=accumulate,
            clip=0.3,
        )
        return model, history

    (half, found), (whole, expected) = go("float16"), go("float32")
    assert found.losses == pytest.approx(expected.losses, abs=3e-3)
    assert found.losses != expected.losses
    assert found.norms == pytest.approx(expected.norms, rel=0.02)
    assert max(expected.norms) > 0.3  # something was clipped
    assert {weight.dtype for weight in half.parameters()} == {torch.float32}
    for a, b in zip(half.parameters(), whole.parameters(), strict=True):
        assert (a - b).abs().max() < 0.02


def test_small_gradients_do_not_become_zero():
    """What the scaling is for: without it, float16 rounds these to 0."""

    def objective(model, batch):
        return 1e-6 * token_loss(model, batch)

    norms = run(precision="float16", objective=objective)[2].norms
    expected = run(objective=objective)[2].norms
    assert norms == pytest.approx(expected, rel=0.05) and min(norms) > 0


def steep(factor, steps):
    """An objective whose gradient is `factor` times as large in the first steps."""
    calls = count(1)

    def objective(model, batch):
        loss = token_loss(model, batch)
        many = factor if next(calls) <= steps else 1.0
        return loss.detach() + many * (loss - loss.detach())

    return objective


def test_a_step_that_overflows_is_skipped_and_the_scale_halved():
    model, optimizer = make()
    before = [weight.clone() for weight in model.parameters()]
    kept, scales = [], []

    def look(run):
        kept.append([weight.detach().clone() for weight in run.weights])
        scales.append(run.scaler.get_scale())

    hooks = [At(step, look) for step in (1, 2, 3, 4)]
    history = train(
        model,
        optimizer,
        batches(),
        10,
        callbacks=hooks,
        objective=steep(1e34, 3),
        precision="float16",
    )
    assert len(history.losses) == 10 and not history.stopped
    assert [math.isfinite(norm) for norm in history.norms] == [False] * 3 + [True] * 7
    assert scales == [2.0**15, 2.0**14, 2.0**13, 2.0**13]
    for weights in kept[:3]:
        assert all(a.equal(b) for a, b in zip(before, weights, strict=True))
    assert not all(a.equal(b) for a, b in zip(before, kept[3], strict=True))
    assert all(math.isfinite(loss) for loss in history.losses)


def test_a_gradient_that_no_scale_makes_finite_ends_the_run():
    def endless(model, batch):
        weight = next(model.parameters())
        slope = (weight - weight.detach()).abs().sqrt().sum()  # 0, infinitely steep
        return token_loss(model, batch) + slope

    before = [weight.clone() for weight in make()[0].parameters()]
    model, optimizer = make()
    with pytest.raises(Diverged, match=r"norm of the gradient became .* at step 17"):
        train(
            model,
            optimizer,
            batches(),
            99,
            objective=endless,
            precision="float16",
        )
    assert all(a.equal(b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_weight_that_the_optimizer_does_not_have_is_not_clipped_with():
    """Its gradient stays scaled: it must count for nothing."""
    model, _ = make()
    head = list(model.embed.parameters())
    norms = {}
    for precision in ("float32", "float16"):
        optimizer = torch.optim.SGD(head, lr=1e-9)
        going = Run(model, optimizer, iter([next(batches())]), 1, precision=precision)
        take_step(going)
        norms[precision] = going.history.norms[0]
    assert norms["float16"] == pytest.approx(norms["float32"], rel=0.02)
    theirs = nn.utils.get_total_norm([weight.grad for weight in head])
    assert norms["float16"] <= 1 or theirs.item() == pytest.approx(1, rel=1e-3)


def test_a_resumed_run_goes_on_with_its_scale(tmp_path):
    def go(*hooks):
        return run(*hooks, precision="float16", objective=steep(1e34, 3))

    def fail(run):
        raise ZeroDivisionError

    whole = go()
    with pytest.raises(ZeroDivisionError):
        go(At(6, fail), Checkpoint(tmp_path, every=4))
    scales = []
    model, optimizer = make()
    again = train(
        model,
        optimizer,
        batches(),
        10,
        callbacks=[
            At(10, lambda run: scales.append(run.scaler.get_scale())),
            Checkpoint(tmp_path, every=4),
        ],
        objective=steep(1e34, 0),
        precision="float16",
    )
    assert scales == [2.0**13]
    assert again.losses == whole[2].losses
    for a, b in zip(model.parameters(), whole[0].parameters(), strict=True):
        assert a.equal(b)
