"""FSDP2 in one process: over NCCL on a GPU, over gloo on the CPU; the command line."""

import json
import os
import socket
import subprocess
import sys

import pytest

from lib.model.gpt import GPT
from lib.train import list_checkpoints, load_weights
from tests.helpers.devices import learnable, loud, small

pytestmark = pytest.mark.processes


def environment():
    """What `torch.distributed.run` tells the only one of its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    own = dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), "lo")
    folders = [".", os.environ.get("PYTHONPATH")]
    own["PYTHONPATH"] = os.pathsep.join(folder for folder in folders if folder)
    return os.environ | told | own | {"OMP_NUM_THREADS": "1"}


def run(*command):
    done = subprocess.run(
        [sys.executable, *command], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sharded_weights_learn_what_whole_ones_learn(device, tmp_path):
    run("tests/helpers/alone.py", device.type, str(tmp_path))
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["device"] == ("cuda:0" if device.type == "cuda" else "cpu")
    assert ("nccl" if device.type == "cuda" else "gloo") in found["backend"]
    assert found["sum"] == [0, 1, 2]
    assert found["sharded"] == pytest.approx(found["plain"], abs=1e-4)
    assert found["bfloat16"] == pytest.approx(found["plain"], abs=0.05)
    assert found["bfloat16"] != found["sharded"]
    assert found["again"] == found["sharded"]  # read from its checkpoint, not learned
    opened = loud(GPT(small()))
    load_weights(opened, tmp_path / "run")
    assert len(list_checkpoints(tmp_path / "run")) == 2


def test_the_command_line_trains_there(device, tmp_path):
    for package in ("regex", "yaml"):  # what tokenizers and corpora import
        pytest.importorskip(package)
    text = "".join(chr(97 + number) for number in learnable(length=4000).tolist())
    (tmp_path / "text.txt").write_text(text)
    options = "--steps 8 --batch 4 --every 4 --held-out-batches 2 --fsdp".split()
    options += ["--precision", "bfloat16", "--checkpoints", str(tmp_path / "run")]
    where = ["--text", str(tmp_path / "text.txt"), "--device", device.type]
    said = run("-m", "lib.train", *where, *options)
    assert "8 steps, 2,048 tokens, held-out loss" in said
