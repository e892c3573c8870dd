"""Many processes: two take the steps that one would take, and agree on the end."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from lib.tokens.tokenizer import CharacterTokenizer
from lib.train import Checkpoint, Evaluate, distributed, load_gpt
from lib.train.__main__ import main
from lib.train.checkpoints import storage
from tests.helpers.runs import At, batches, run

LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
ENVIRONMENT = os.environ | {"PYTHONPATH": ".", "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.processes


def run_alone(*hooks):
    return run(Evaluate(2, [next(batches(seed=9))]), *hooks)


def stop(run):
    raise RuntimeError("stopped on purpose")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two processes have left their runs, some begun by one process alone."""
    folder = tmp_path_factory.mktemp("together")
    for name in ("one", "one sharded"):
        with pytest.raises(RuntimeError, match="on purpose"):
            run_alone(At(5, stop), Checkpoint(folder / name, every=4))
    command = [sys.executable, "tests/helpers/together.py", str(folder)]
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("10/10") <= 7  # one bar a run, not two
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return json.loads((folder / "found.json").read_text())


@pytest.fixture(scope="module")
def alone():
    return run_alone()


@pytest.mark.parametrize("batch", ["whole", "unlike", "none here"])
def test_gradients_are_those_of_one_process_with_the_double_batch(found, batch):
    """However many targets each of the two has, and be it none."""
    for apart, loss, together, held_out in found[batch]:
        assert apart < 1e-6
        assert together == pytest.approx(loss, abs=1e-6)
        assert held_out == pytest.approx(loss, abs=1e-6)


def test_a_step_without_a_target_is_refused_in_both(found):
    assert [said[:26] for said in found["no target"]] == [
        "batches must have a target"
    ] * 2


def test_the_run_is_that_of_one_process(found, alone):
    first, second = found["history"]
    assert first == second
    losses, held_out, tokens = first
    assert losses == pytest.approx(alone[2].losses, abs=1e-5)
    assert [step for step, _ in held_out] == [2, 4, 6, 8, 10]
    assert [x for _, x in held_out] == pytest.approx(
        [x for _, x in alone[2].held_out], abs=1e-5
    )
    assert tokens == alone[2].tokens
    assert found["weights"][0] == found["weights"][1]


def test_nan_in_one_process_stops_all_with_the_same_weights(found):
    (first, good), (second, also_good) = found["diverged"]
    assert first == second and first.startswith("the loss became nan at step 4")
    assert good and also_good


def test_an_interrupt_in_one_process_stops_all_at_the_same_step(found, folder):
    assert found["interrupted"] == [["interrupted", 3]] * 2
    assert [path.name for path in (folder / "stopped").iterdir()] == ["step-00000003"]


@pytest.mark.parametrize("name", ["one", "two", "one sharded", "sharded"])
def test_a_run_ends_the_same_whoever_began_it(folder, alone, name):
    """One process, two, and two with sharded weights, in each other's place."""
    copy = folder / f"again {name}"
    shutil.copytree(folder / name, copy)
    assert close_to(storage.read(copy / "step-00000010"), alone)
    storage.remove(copy / "step-00000010")
    _, _, history = run_alone(Checkpoint(copy, every=4))
    assert len(history.losses) == 10
    assert close_to(storage.read(copy / "step-00000010"), alone)


def close_to(parts, alone):
    model, optimizer, history = alone
    assert parts["history"]["losses"] == pytest.approx(history.losses, abs=1e-5)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(parts["model"][name], weight, atol=1e-4, rtol=0)
    for number, kept in optimizer.state_dict()["state"].items():
        for name, value in kept.items():
            again = parts["optimizer"]["state"][str(number)][name]
            torch.testing.assert_close(again, value, atol=1e-5, rtol=0)
    return True


def test_each_process_gets_its_own_random_state_back(folder):
    whole = storage.read(folder / "drowsy" / "step-00000010")
    cut = storage.read(folder / "drowsy half" / "step-00000010")
    assert not whole["random"]["cpu"][0].equal(whole["random"]["cpu"][1])
    assert whole["random"]["cpu"].equal(cut["random"]["cpu"])
    assert whole["history"] == cut["history"]
    for name, weight in whole["model"].items():
        assert weight.equal(cut["model"][name])


def test_only_the_first_process_writes(folder):
    assert len(list((folder / "board").iterdir())) == 1
    assert not list(folder.rglob("*.new"))


def test_bad_shares_are_refused_everywhere(found):
    for said in found["apart"]:
        assert "must be one folder for all processes" in said and "[0, 10]" in said
    for said in found["uneven"]:
        assert said == "a batch must be a multiple of 2 processes, got 3 rows"


def test_the_command_line_trains_with_two_processes(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be, that is the question. " * 20)
    options = f"--text {text} --steps 4 --every 2 --layers 1 --width 8 --heads 2"
    options += f" --batch 4 --context 8 --device cpu --checkpoints {tmp_path / 'run'}"
    command = [sys.executable, *LAUNCH, "-m", "lib.train", *options.split()]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 steps, 128 tokens, held-out loss ")
    assert done.stdout.count("\n") == 1  # the first process speaks for all
    main(options.split())  # by one process: there is nothing left to do
    assert capsys.readouterr().out == done.stdout
    trained = load_gpt(tmp_path / "run")  # what the first process wrote
    assert trained.step == 4
    assert trained.tokenizer.tokens == CharacterTokenizer(text.read_text()).tokens


def test_alone_nothing_is_done():
    assert (distributed.processes(), distributed.rank()) == (1, 0)
    assert distributed.any_of(True) and not distributed.any_of(False)
    drawn = [(torch.arange(3),)]
    assert next(distributed.share(drawn))[0].equal(drawn[0][0])
    model = torch.nn.Linear(1, 1)
    assert distributed.spread(model) is model and distributed.total(2.5) == 2.5
    with distributed.joined(torch.device("cpu")) as device:
        assert device.type == "cpu" and not torch.distributed.is_initialized()
