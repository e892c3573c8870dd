"""Resumed callbacks: a run that was cut ends like a whole one, whatever hangs on it."""

from itertools import permutations

import pytest
import torch

from lib.finetune.classifier import Classifier, classification_loss
from lib.finetune.labeled import labeled_batches
from lib.finetune.layers import GradualUnfreezing, layerwise_adamw
from lib.model.gpt import GPT
from lib.plots import live_curve
from lib.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    Evaluate,
    Every,
    TensorBoard,
    train,
)
from tests.helpers.runs import CONFIG, At, same

TEXTS = [[n % 6, (n * n) % 6, 5 - n % 6] for n in range(12)]
LABELS = [n % 2 for n in range(12)]
HELD_OUT = [next(labeled_batches(TEXTS, LABELS, 6, seed=9))]


class Own(Callback):
    """A reader's own: a state, random numbers, a start that changes weights."""

    def start(self, run):
        self.seen = []
        self.noise = torch.rand(3)
        self.begun_at = run.step
        with torch.no_grad():
            run.model.head.bias.add_(torch.randn(2))

    def after_step(self, run):
        self.seen.append(run.step)
        if run.step % 3 == 0:
            with torch.no_grad():
                run.model.head.weight.mul_(1 + 0.1 * len(self.seen))

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


class Dimmer(Callback):
    """Another: what it does depends on the step that it starts at, and on no state."""

    def start(self, run):
        self.rate = 0.5 ** (run.step // 4)

    def after_step(self, run):
        if run.step % 4 == 0:
            self.rate /= 2
        with torch.no_grad():
            run.model.head.weight.mul_(1 - 0.1 * self.rate)


def make_hooks(kind, folder):
    """Fresh callbacks, as a new process makes them."""
    return {
        "nothing": list,
        "unfreezing": lambda: [GradualUnfreezing(3)],
        "every": lambda: [Every(1, look), Every(3, lambda run: (run.step, "a"))],
        "evaluate": lambda: [Evaluate(1, HELD_OUT)],
        "stopping": lambda: [Evaluate(1, HELD_OUT), EarlyStopping(6)],
        "tensorboard": lambda: [TensorBoard(folder / "board")],
        "live curve": lambda: [live_curve.LiveCurve(2, title="a run")],
        "own": lambda: [Own()],
        "dimmer": lambda: [Dimmer()],
        "all": lambda: [
            Own(),
            GradualUnfreezing(3),
            Evaluate(1, HELD_OUT),
            EarlyStopping(6),
            Every(2, look),
            Dimmer(),
            TensorBoard(folder / "board"),
        ],
    }[kind]()


def look(run):
    return run.model.head.bias.detach().clone()


def go(*hooks):
    torch.manual_seed(0)
    model = Classifier(GPT(CONFIG), 2, "last", dropout=0.2)
    optimizer = layerwise_adamw(model, 0.02)
    batches = labeled_batches(TEXTS, LABELS, 6)
    history = train(
        model,
        optimizer,
        batches,
        8,
        callbacks=hooks,
        objective=classification_loss,
    )
    return model, optimizer, history


def fail(run):
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Figures are made and not shown."""
    monkeypatch.setattr(live_curve, "display", lambda figure, **_: None)


@pytest.mark.parametrize("cut", [5, 8])
@pytest.mark.parametrize(
    "kind",
    [
        "nothing",
        "unfreezing",
        "every",
        "evaluate",
        "stopping",
        "tensorboard",
        "live curve",
        "own",
        "dimmer",
        "all",
    ],
)
def test_the_resumed_run_is_the_whole_one(tmp_path, kind, cut):
    """Cut at step 5 or 8, it goes on from step 4 or 6."""
    expected = make_hooks(kind, tmp_path / "whole")
    whole = go(*expected)
    hooks = make_hooks(kind, tmp_path)
    with pytest.raises(ZeroDivisionError):
        go(*hooks, At(cut, fail), Checkpoint(tmp_path / "run", every=2))
    again = make_hooks(kind, tmp_path)
    assert same(go(*again, Checkpoint(tmp_path / "run", every=2)), whole)
    for one, other in zip(again, expected, strict=True):
        assert same_state(one.state_dict(), other.state_dict())


def same_state(one, other):
    """Whether two states hold the same, tensors by their numbers."""
    if isinstance(one, torch.Tensor):
        return one.equal(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same_state(one[key], other[key]) for key in one
        )
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return type(one) is type(other) and all(same_state(a, b) for a, b in pairs)
    return one == other


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_in_the_list_changes_nothing(tmp_path, order):
    """Wherever the checkpoint stands, it saves and brings back the whole run."""

    def hooks(*more):
        found = [GradualUnfreezing(3), Own(), Checkpoint(tmp_path / "run", every=2)]
        return [*more, *(found[place] for place in order)]

    with pytest.raises(ZeroDivisionError):
        go(*hooks(At(5, fail)))
    others = [hook for hook in hooks() if not isinstance(hook, Checkpoint)]
    assert same(go(*hooks()), go(*others))


def test_a_callback_starts_where_the_run_goes_on(tmp_path):
    with pytest.raises(ZeroDivisionError):
        go(Own(), At(5, fail), Checkpoint(tmp_path, every=2))
    own = Own()
    go(own, Checkpoint(tmp_path, every=2))
    assert own.begun_at == 4 and own.seen == [*range(1, 9)]


def test_results_that_cannot_be_stored_are_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"callbacks has <object .* at 'Every\.results"
    ):
        go(Every(1, lambda run: object()), Checkpoint(tmp_path, every=2))
