"""TensorBoard: the curves are read back from its file."""

import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lib.train import Checkpoint, Evaluate, TensorBoard
from tests.helpers.runs import At, batches, run


def read(folder):
    """Name of each curve to its steps and values."""
    events = EventAccumulator(str(folder)).Reload()
    names = events.Tags()["scalars"]
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in names
    }


def test_the_curves_are_those_of_the_history(tmp_path):
    _, _, history = run(Evaluate(4, [next(batches())]), TensorBoard(tmp_path))
    curves = read(tmp_path)
    for name, values in (
        ("loss", history.losses),
        ("gradient norm", history.norms),
        ("learning rate", history.rates),
    ):
        steps, found = zip(*curves.pop(name), strict=True)
        assert steps == tuple(range(1, 11))
        assert found == pytest.approx(values, rel=1e-6)
    held_out = curves.pop("held-out loss")
    assert [step for step, _ in held_out] == [4, 8, 10]
    assert held_out == [(s, pytest.approx(x, rel=1e-6)) for s, x in history.held_out]
    speed = curves.pop("tokens per second")
    assert [step for step, _ in speed] == list(range(2, 11))
    assert all(0 < value < 1e9 for _, value in speed)
    assert not curves


def test_some_steps_are_enough(tmp_path):
    run(TensorBoard(tmp_path, every=3))
    assert [step for step, _ in read(tmp_path)["loss"]] == [3, 6, 9]


def test_a_resumed_run_goes_on_with_its_curves(tmp_path):
    board, folder = TensorBoard(tmp_path / "board"), tmp_path / "run"
    with pytest.raises(ZeroDivisionError):
        run(board, At(7, lambda run: 1 / 0), Checkpoint(folder, every=4))
    _, _, history = run(board, Checkpoint(folder, every=4))
    steps, losses = zip(*read(tmp_path / "board")["loss"], strict=True)
    assert steps == tuple(range(1, 11))  # steps 5 to 7 are there once
    assert losses == pytest.approx(history.losses, rel=1e-6)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard(tmp_path)
    with pytest.raises(ValueError, match="every must be above 0, got 0"):
        TensorBoard(tmp_path, every=0)
