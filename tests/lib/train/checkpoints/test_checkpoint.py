"""Checkpoints: killed runs end like others, and what does not fit is refused."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch

from lib.model.gpt import GPT
from lib.tokens.tokenizer import CharacterTokenizer
from lib.train import (
    Checkpoint,
    Diverged,
    EarlyStopping,
    Evaluate,
    adamw,
    checkpoints,
    cosine,
    load_weights,
    train,
)
from tests.helpers.runs import CONFIG, TEXT, At, batches, make, run, same, whole_run


@pytest.mark.processes
def test_runs_that_are_killed_end_like_one_that_is_not(tmp_path):
    command = [sys.executable, "tests/helpers/runs.py", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": ".", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ends) == 17
    for end in ends:
        clock = end["point"].startswith("clock")  # a quick run may be over by then
        assert end["status"] in ([0, signal.SIGKILL] if clock else [signal.SIGKILL])
        assert end["same"], end
        assert end["after"] == ["step-00000009", "step-00000010"], end
    left = {end["point"]: end["left"] for end in ends}
    assert left["step 7"] == ["step-00000003", "step-00000006"]
    assert any(name.endswith(".new") for name in left["fsync 8"])  # half written
    assert any(name.endswith(".old") for name in left["rmtree 1"])  # half removed
    assert any(name.endswith(".old") for name in left["rmtree 2"])  # the run was over
    assert len(left["rename 6"]) == 3  # one too many, and the run was over


def test_saving_does_not_change_the_run(tmp_path):
    assert same(whole_run(tmp_path), whole_run())


def test_a_finished_run_is_not_run_again(tmp_path):
    first, files = whole_run(tmp_path), contents(tmp_path)
    assert same(whole_run(tmp_path, At(10, fail)), first)
    assert contents(tmp_path) == files


def test_only_the_newest_stay(tmp_path):
    run(Checkpoint(tmp_path, every=2, keep=3))
    assert [path.name[-2:] for path in checkpoints(tmp_path)] == ["06", "08", "10"]


@pytest.mark.parametrize(
    "make_optimizer",
    [
        adamw,
        partial(torch.optim.SGD, momentum=0.9),
        torch.optim.RAdam,  # its state holds numbers that are not tensors in some forms
        torch.optim.Adagrad,  # has a state before its first step
        partial(torch.optim.LBFGS, max_iter=1),
    ],
)
def test_any_optimizer_goes_on(tmp_path, make_optimizer):
    def go(*hooks):
        model, _ = make()
        of = model if make_optimizer is adamw else model.parameters()
        optimizer = make_optimizer(of, lr=0.01)
        if isinstance(optimizer, torch.optim.LBFGS):
            step = optimizer.step
            optimizer.step = lambda: step(lambda: torch.tensor(1.0))
        history = train(model, optimizer, batches(), 8, callbacks=hooks)
        return model, optimizer, history

    with pytest.raises(RuntimeError, match="failed on purpose"):
        go(At(5, fail), Checkpoint(tmp_path, every=2))
    one, other = go(), go(Checkpoint(tmp_path, every=2))
    assert one[2] == other[2]
    for a, b in zip(one[0].parameters(), other[0].parameters(), strict=True):
        assert a.equal(b)


def test_an_interrupted_run_is_saved_and_goes_on(tmp_path):
    _, _, history = whole_run(tmp_path, At(4, press_stop))
    assert history.stopped == "interrupted" and len(history.losses) == 4
    assert [path.name for path in checkpoints(tmp_path)][-1] == "step-00000004"
    assert same(whole_run(tmp_path), whole_run())


def test_a_run_that_failed_saves_nothing_more(tmp_path):
    with pytest.raises(RuntimeError, match="failed on purpose"):
        run(At(4, fail), Checkpoint(tmp_path, every=3))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000003"]


def test_a_run_that_diverged_leaves_the_checkpoint_before(tmp_path):
    drawn = [next(batches()) for _ in range(10)]

    def objective(model, batch):
        bad = batch[0] is drawn[4][0]
        return model(batch[0]).square().mean() * (float("nan") if bad else 1.0)

    with pytest.raises(Diverged, match="step 5"):
        run(Checkpoint(tmp_path, every=3), drawn=drawn, objective=objective)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000003"]


def test_early_stopping_knows_its_best_again(tmp_path):
    def go(folder, stop_at=99):
        hooks = [Evaluate(1, [next(batches(seed=9))]), EarlyStopping(3)]
        hooks += [At(stop_at, fail), Checkpoint(folder, every=1)]
        return run(*hooks, steps=60)

    whole = go(tmp_path / "whole")
    best = min(whole[2].held_out, key=lambda measured: measured[1])[0]
    assert 1 < best == len(whole[2].losses) - 3
    with pytest.raises(RuntimeError):
        go(tmp_path / "cut", stop_at=best + 1)
    cut = go(tmp_path / "cut")
    assert same(whole, cut) and cut[2].stopped
    assert same(whole, go(tmp_path / "cut"))  # it is over, with its best weights
    with pytest.raises(ValueError, match="callbacks must have EarlyStopping"):
        run(Checkpoint(tmp_path / "cut", every=1), steps=60)


def slow(step, steps):
    return 0.5


CHANGES = {
    "steps": {"steps": 11},
    "schedule": {"schedule": slow},
    "schedule of another form": {"schedule": partial(cosine, floor=0.5)},
    "clip": {"clip": 0.5},
    "accumulate": {"accumulate": 2},
    "precision": {"precision": "bfloat16"},
    "objective": {"objective": lambda model, batch: model(batch[0]).mean()},
    "config.width": {"config": replace(CONFIG, width=16)},
    "config.norm": {"config": replace(CONFIG, norm="layer")},
    "batches": {"drawn": batches(seed=1)},
    "batches of another size": {"drawn": batches(batch=8)},
    "batches of another text": {"drawn": batches(text=TEXT.flip(0))},
    "batches begun": {"drawn": (drawn := batches(), next(drawn))[0]},
    "batches too few": {"drawn": [next(batches())] * 3},
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_run_is_refused_and_nothing_is_touched(tmp_path, what):
    run(Checkpoint(tmp_path, every=4))
    files = contents(tmp_path)
    with pytest.raises(ValueError, match=f"^{what.split()[0]} must be"):
        run(Checkpoint(tmp_path, every=4), **CHANGES[what])
    assert contents(tmp_path) == files


@pytest.mark.parametrize(
    "options, named",
    [({"lr": 0.02}, "groups.0.lr"), ({"weight_decay": 0.2}, "groups.0.weight_decay")],
)
def test_another_optimizer_is_refused(tmp_path, options, named):
    run(Checkpoint(tmp_path, every=4))
    model, optimizer = make(**options)
    before = [weight.clone() for weight in model.parameters()]
    hooks = [Checkpoint(tmp_path, every=4)]
    with pytest.raises(ValueError, match=f"^{named} must be"):
        train(model, optimizer, batches(), 10, callbacks=hooks)
    for weight, first in zip(model.parameters(), before, strict=True):
        assert weight.equal(first)
    sgd = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(ValueError, match="^optimizer must be 'AdamW'"):
        train(model, sgd, batches(), 10, callbacks=hooks)


def test_another_vocabulary_is_refused(tmp_path):
    letters, others = CharacterTokenizer("abcdefg"), CharacterTokenizer("abcdefh")
    run(Checkpoint(tmp_path, every=4, tokenizer=letters))
    with pytest.raises(ValueError, match="^vocabulary must be '7 tokens "):
        run(Checkpoint(tmp_path, every=4, tokenizer=others))
    with pytest.raises(ValueError, match="^vocabulary must be .* got 'not given'"):
        run(Checkpoint(tmp_path, every=4))
    with pytest.raises(ValueError, match="^vocabulary must be"):
        load_weights(GPT(CONFIG), tmp_path, others)
    load_weights(GPT(CONFIG), tmp_path, letters)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_goes_on_in_its_precision(tmp_path, precision):
    with pytest.raises(RuntimeError):
        run(At(5, fail), Checkpoint(tmp_path, every=2), precision=precision)
    other = {"float32": "bfloat16", "bfloat16": "float32"}[precision]
    with pytest.raises(ValueError, match=f"^precision must be '{precision}'"):
        run(Checkpoint(tmp_path, every=2), precision=other)
    again = run(Checkpoint(tmp_path, every=2), precision=precision)
    assert same(again, run(precision=precision))


def test_a_checkpoint_without_configuration_is_told_by_its_shapes(tmp_path):
    def go(width):
        model = torch.nn.Sequential(
            torch.nn.Embedding(7, width), torch.nn.Linear(width, 7)
        )
        hooks = [Checkpoint(tmp_path)]
        return train(model, adamw(model, 0.1), batches(), 2, callbacks=hooks)

    go(4)
    expected = r"^0.weight must be torch.float32 of shape \(7, 4\) as in .*, got .*5\)"
    with pytest.raises(ValueError, match=expected):
        go(5)


@pytest.mark.parametrize("file", ["run.json", "model.safetensors"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_named(tmp_path, file):
    run(Checkpoint(tmp_path, every=4))
    before, newest = checkpoints(tmp_path)
    data = bytearray((newest / file).read_bytes())
    data[len(data) // 2] ^= 1
    (newest / file).write_bytes(data)
    files = contents(tmp_path)
    for refuse in (
        lambda: run(Checkpoint(tmp_path, every=4)),
        lambda: load_weights(GPT(CONFIG), tmp_path),
    ):
        with pytest.raises(ValueError, match=f"{newest.name} is damaged"):
            refuse()
    with pytest.raises(ValueError, match=f"remove it to go on from .*{before.name}"):
        run(Checkpoint(tmp_path, every=4))
    assert contents(tmp_path) == files
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert same(run(Checkpoint(tmp_path, every=4)), run())


def test_weights_alone_can_be_loaded(tmp_path):
    model, _, _ = run(Checkpoint(tmp_path))
    other = GPT(replace(CONFIG, dropout=0.5))  # dropout may differ
    load_weights(other, tmp_path)
    assert same_weights(model, other)
    assert other.unembed.weight is other.embed.tokens.weight  # still tied
    with pytest.raises(ValueError, match="config.layers must be 2"):
        load_weights(GPT(replace(CONFIG, layers=1)), tmp_path)
    with pytest.raises(ValueError, match="found none in"):
        load_weights(other, tmp_path / "elsewhere")


def test_a_checkpoint_stands_last_and_has_sound_numbers(tmp_path):
    with pytest.raises(ValueError, match="Checkpoint as the last"):
        run(Checkpoint(tmp_path), EarlyStopping(2))
    with pytest.raises(ValueError, match="every=0"):
        Checkpoint(tmp_path, every=0)


def fail(run):
    raise RuntimeError("failed on purpose")


def press_stop(run):
    os.kill(os.getpid(), signal.SIGINT)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same_weights(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(a.equal(b) for a, b in pairs)
