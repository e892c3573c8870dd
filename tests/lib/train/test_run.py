"""A run: its settings are checked, and its history tells how far it has come."""

import math

import pytest
import torch
from torch import nn

from lib.train import Callback, Run
from lib.train.run import Diverged, History
from tests.helpers.runs import batches, make


@pytest.mark.parametrize(
    "setting",
    [
        {"steps": -1},
        {"clip": 0.0},
        {"clip": math.nan},
        {"accumulate": 0},
        {"precision": "float8"},
    ],
)
def test_a_setting_that_cannot_be_is_named(setting):
    ((name, value),) = setting.items()
    with pytest.raises(ValueError, match=f"^{name} must be .*, got {value!r}"):
        Run(*make(), batches(), **{"steps": 9} | setting)


def test_a_model_without_weights_is_refused():
    _, optimizer = make()
    with pytest.raises(ValueError, match="model must have weights to train"):
        Run(nn.Identity(), optimizer, batches(), 1)


def test_a_step_is_an_entry_of_the_history():
    told = Run(*make(), batches(), 9)
    assert told.step == 0
    told.history.record(loss=1.5, norm=0.5, rate=1.0, tokens=32)
    told.history.record(loss=1.2, norm=0.4, rate=0.9, tokens=32)
    assert told.step == 2 and told.history.tokens == 64
    assert told.history.losses == [1.5, 1.2]
    assert (told.history.norms, told.history.rates) == ([0.5, 0.4], [1.0, 0.9])


def test_callbacks_keep_their_order_but_for_those_that_come_last():
    class Last(Callback):
        comes_last = True

    last, one, two = Last(), Callback(), Callback()
    assert Run(*make(), batches(), 1, [last, one, two]).callbacks == [one, two, last]


def test_the_last_good_weights_are_copies():
    model, optimizer = make()
    told = Run(model, optimizer, batches(), 1)
    before = [part.clone() for part in told.parts()]
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1.0)
    assert all(a.equal(b) for a, b in zip(told.last_good, before, strict=True))
    assert not any(a.equal(b) for a, b in zip(told.parts(), before, strict=True))


def test_only_weights_that_the_optimizer_has_are_moved():
    model, _ = make()
    some = [*model.blocks[0].parameters()]
    told = Run(model, torch.optim.SGD(some), batches(), 1)
    assert [id(weight) for weight in told.moved()] == [id(weight) for weight in some]


def test_what_diverged_tells_at_which_step():
    error = Diverged(History(losses=[1.0, 2.0]), "the loss became nan")
    assert str(error).startswith("the loss became nan at step 3: the run stopped")
    assert error.history.losses == [1.0, 2.0]
