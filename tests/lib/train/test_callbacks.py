"""Callbacks: when they look, what they measure, and when they end a run."""

import copy
from math import inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lib.train import Callback, EarlyStopping, Evaluate, Every, evaluate, train
from tests.helpers.runs import At, batches, make, run


def test_callbacks_see_every_step_and_the_losses_so_far():
    look = Every(1, lambda run: run.history.losses[-1])
    _, _, history = run(look)
    assert look.results == list(enumerate(history.losses, start=1))


@pytest.mark.parametrize("steps, seen", [(4, [4, 8, 10]), (5, [5, 10]), (99, [10])])
def test_every_looks_after_the_last_step_too(steps, seen):
    look = Every(steps, lambda run: run.step)
    run(look)
    assert look.results == [(step, step) for step in seen]


def test_evaluate_measures_what_evaluate_does():
    test = [next(batches(seed=seed)) for seed in (8, 9)]
    found = Evaluate(5, iter(test))
    model, _, history = run(found)
    assert history.held_out == found.results
    assert history.held_out[-1] == (10, evaluate(model, test))
    plain = run()[2]
    assert history.losses == plain.losses  # measuring changes nothing


def test_evaluate_measures_by_the_objective_of_the_run():
    measured = Evaluate(1, [next(batches())])
    run(measured, objective=lambda model, batch: model(batch[0]).sum() * 0 + 2.5)
    assert measured.results == [(step, 2.5) for step in range(1, 11)]


class Scripted(Evaluate):
    """Held-out losses as written, to see when a run is ended."""

    def __init__(self, losses):
        super().__init__(1, [(torch.ones(1, 2),)])
        self.losses = iter(losses)

    def _measure(self, run):
        run.history.held_out.append((run.step, next(self.losses)))


class Keep(Callback):
    def __init__(self):
        self.weights = []

    def after_step(self, run):
        self.weights.append(copy.deepcopy(run.model.state_dict()))


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=10, max_size=10), st.data())
def test_a_run_ends_when_patience_does_with_the_best_weights(losses, data):
    patience, keep = data.draw(st.integers(1, 10)), Keep()
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    drawn = [(torch.rand(3, 2),)] * 10
    hooks = [Scripted(losses), EarlyStopping(patience), keep]
    history = train(
        model,
        optimizer,
        drawn,
        10,
        callbacks=hooks,
        objective=lambda model, batch: model(*batch).square().mean(),
    )
    seen = losses[: len(history.losses)]
    best = seen.index(min(seen))
    waits = [n - losses.index(min(losses[: n + 1])) for n in range(10)]
    enough = next((n for n, wait in enumerate(waits) if wait >= patience), 9)
    assert len(seen) == enough + 1
    assert bool(history.stopped) == (waits[enough] >= patience)
    for name, weight in model.state_dict().items():
        assert weight.equal(keep.weights[best][name])


def test_early_stopping_can_be_used_again():
    stopping = EarlyStopping(2)
    for losses in ([1.0, 2.0, 3.0, 4.0], [9.0, 8.0, 9.0, 9.0]):
        model, optimizer = make()
        hooks = [Scripted(losses), stopping]
        train(model, optimizer, batches(), 4, callbacks=hooks)
    assert stopping.best == (2, 8.0)


@pytest.mark.parametrize(
    "losses, best",
    [
        ([nan, 3.0, 2.0, 1.0], (4, 1.0)),
        ([3.0, nan, 1.0, 2.0], (3, 1.0)),
        ([nan, inf, nan, inf], (2, inf)),
    ],
)
def test_what_is_not_a_number_is_never_the_best(losses, best):
    model, optimizer = make()
    keep, stopping = Keep(), EarlyStopping(9)
    hooks = [Scripted(losses), stopping, keep]
    train(model, optimizer, batches(), 4, callbacks=hooks)
    assert stopping.best == best
    for name, weight in model.state_dict().items():
        assert weight.equal(keep.weights[best[0] - 1][name])


def test_patience_ends_with_losses_that_are_never_numbers():
    keep = Keep()
    model, _, history = run(Scripted([nan] * 10), EarlyStopping(3), keep)
    assert len(history.losses) == 3
    assert history.stopped == "the held-out loss was never a number"
    for name, weight in model.state_dict().items():
        assert weight.equal(keep.weights[-1][name])


def test_early_stopping_that_nothing_measures_changes_nothing():
    assert run(EarlyStopping(1))[2] == run()[2]


@pytest.mark.parametrize(
    "kind",
    [
        lambda n: Every(n, print),
        lambda n: Evaluate(n, [(torch.ones(1),)]),
        EarlyStopping,
    ],
)
def test_a_number_below_one_is_refused(kind):
    with pytest.raises(ValueError, match="must be above 0, got 0"):
        kind(0)


def endless():
    return (next(batches()) for _ in iter(int, 1))


@pytest.mark.parametrize(
    "held_out, words",
    [
        (list, "batches must hold at least one batch, got none"),
        (lambda: iter([]), "batches must hold at least one batch, got none"),
        (batches, "batches must come to an end, got more than 1,000"),
        (endless, "batches must come to an end, got more than 1,000"),
    ],
)
def test_batches_that_cannot_be_measured_on_are_refused_at_once(held_out, words):
    with pytest.raises(ValueError, match=words):
        Evaluate(5, held_out())
    with pytest.raises(ValueError, match=words):
        evaluate(make()[0], held_out())


def test_batches_without_a_target_are_refused_before_the_first_step():
    ids, targets = next(batches())
    nothing = (ids, torch.full_like(targets, -1))
    with pytest.raises(ValueError, match="batches to evaluate must have a target"):
        run(Evaluate(5, [nothing]), At(1, lambda run: 1 / 0))
    with pytest.raises(ValueError, match="batches must have a target, got none"):
        evaluate(make()[0], [nothing])


def test_results_are_those_of_one_run():
    look = Every(5, lambda run: run.step)
    run(look)
    run(look)
    assert look.results == [(5, 5), (10, 10)]


@pytest.mark.parametrize("callback", [EarlyStopping(2), Every(1, print), Callback()])
def test_a_callback_gets_a_run_and_nothing_else(callback):
    """No circle of imports hides the type: the check of the tests sees it."""
    for hook in (callback.restore, callback.start, callback.after_step):
        with pytest.raises(TypeError, match="run"):
            hook("x")
