"""State: what a run is made of comes back as it was."""

from pathlib import Path

import pytest
import torch

from lib.model.gpt import GPT
from lib.train import EarlyStopping, Every, Run, distributed, take_step
from lib.train.checkpoints import state
from tests.helpers.runs import CONFIG, batches, make, same

WHERE = Path("run/step-1")


def started(steps=0):
    model, optimizer = make()
    going = Run(model, optimizer, batches(), 10, (EarlyStopping(2),))
    for _ in range(steps):
        take_step(going)
    return going


def test_a_state_brings_another_run_to_the_same_place():
    one, other = started(4), started(1)
    other.history.losses.clear()
    parts = state.state_of(one)
    state.load_history(parts["history"], other)
    distributed.copy_weights(parts["model"], other.model)
    state.load_optimizer(parts["optimizer"], other.optimizer)
    ends = [(r.model, r.optimizer, r.history) for r in (one, other)]
    assert same(*ends)
    rates = [[g["lr"] for g in r.optimizer.param_groups] for r in (one, other)]
    assert rates[0] == rates[1]
    assert other.model.unembed.weight is other.model.embed.tokens.weight


@pytest.mark.parametrize("stopped", ["interrupted", "the held-out loss was best", ""])
def test_only_an_interrupted_run_may_go_on(stopped):
    one, other = started(2), started()
    one.history.stopped = stopped
    one.history.held_out = [(2, 1.5)]
    state.load_history(state.state_of(one)["history"], other)
    assert other.history.stopped == stopped.replace("interrupted", "")
    assert other.history.held_out == [(2, 1.5)] and other.step == 2


def test_random_numbers_go_on():
    going = started()
    saved = state.of_all(state.random_state(torch.device("cpu")))
    expected = torch.rand(5)
    state.load_random_state(saved, going)
    assert torch.rand(5).equal(expected)
    state.load_random_state({}, going)  # of a process that was not there before
    assert not torch.rand(5).equal(expected)


def test_a_weight_that_does_not_fit_is_named():
    model = GPT(CONFIG)
    saved = model.state_dict()
    state.check_weights(saved, model, WHERE)
    for change, words in (
        (
            {"norm.weight": torch.ones(9)},
            r"norm.weight must be .* \(9,\) as in",
        ),
        ({"norm.weight": torch.ones(8).half()}, "norm.weight must be torch.float16"),
        ({"more": torch.ones(1)}, "another model: only one of them has more"),
    ):
        with pytest.raises(ValueError, match=words):
            state.check_weights(saved | change, model, WHERE)


def test_a_batch_is_told_from_any_other():
    x, y = next(batches())
    kinds = [(x, y), (y, x), (x,), (x.int(), y), (x.t(), y), (x[:2], y), ()]
    assert len({state.hash_batch(kind) for kind in kinds}) == len(kinds)
    assert state.hash_batch((x, y)) == state.hash_batch((x.clone(), y.clone()))


def test_a_callback_with_a_state_must_be_there():
    saved = {"EarlyStopping": {"best": (3, 1.5), "weights": {"w": torch.ones(2)}}}
    going = started()
    state.check_callbacks(saved, going, WHERE)
    state.load_callbacks(saved, going)
    assert going.callbacks[0].best == (3, 1.5)
    with pytest.raises(ValueError, match="callbacks must have EarlyStopping as in run"):
        state.check_callbacks(saved, Run(*make(), iter([]), 1), WHERE)
    state.check_callbacks({"Evaluate": {}}, Run(*make(), iter([]), 1), WHERE)
    state.load_callbacks({"Evaluate": {}}, Run(*make(), iter([]), 1))


def test_callbacks_of_one_kind_are_told_apart():
    hooks = [Every(1, print), EarlyStopping(2), Every(2, print)]
    found = state.named(Run(*make(), iter([]), 1, hooks))
    assert list(found.items()) == [
        ("Every", hooks[0]),
        ("EarlyStopping", hooks[1]),
        ("Every 2", hooks[2]),
    ]
