"""The first cell of a chapter: where it finds `lib`, what it installs, what it sets."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lib import notebook
from lib.attention import scaled_dot_product
from tools.address import address, first_cell

ROOT = Path(__file__).parent.parent


def run_first_cell(folder, **environment):
    """Run the cell in a fresh Python in `folder`; it prints where `lib` came from."""
    cell = (
        first_cell(address(ROOT))
        + "\nimport lib; print(os.path.realpath(lib.__path__[0]))"
    )
    return subprocess.run(
        [sys.executable, "-c", cell],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def standing_in(tmp_path):
    """A local clone in place of the repository's address; no network."""
    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "lib", origin / "lib")
    git = ["git", "-C", origin, "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "book"]):
        subprocess.run([*git, *words], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address(ROOT),
    }


@pytest.mark.parametrize("folder", [".", "chapters", "chapters/solutions"])
def test_a_notebook_of_the_checkout_uses_the_checkout(folder):
    done = run_first_cell(ROOT / folder, GIT_DIR="/nowhere")
    assert done.stdout.strip() == str(ROOT / "lib"), done.stderr


def test_a_notebook_alone_clones_once(tmp_path, standing_in):
    alone = tmp_path / "alone"
    alone.mkdir()
    for _ in range(2):  # run twice in a row
        done = run_first_cell(alone, **standing_in)
        assert done.stdout.strip() == str(alone / address(ROOT).split("/")[-1] / "lib")


def test_without_a_network_the_clone_is_named(tmp_path):
    nowhere = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(tmp_path / 'none').as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address(ROOT),
    }
    done = run_first_cell(tmp_path, **nowhere)
    assert done.returncode
    assert "none" in done.stderr and "AssertionError" in done.stderr


def test_start_seeds_and_sets_one_thread():
    drawn = []
    for _ in range(2):
        device = notebook.start(seed=3)
        drawn.append((torch.rand(2).tolist(), np.random.rand()))
    assert drawn[0] == drawn[1]
    assert torch.get_num_threads() == 1
    assert isinstance(device, torch.device)


@pytest.mark.parametrize(
    "cuda, mps, expected",
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_device_is_picked(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert notebook.pick_device().type == expected


def test_show_gives_the_source():
    shown = notebook.show(scaled_dot_product, notebook.pick_device).data
    assert shown.startswith("```python\ndef scaled_dot_product(")
    assert shown.count("```python\n") == 2 and shown.count("```") == 4
    assert 'return torch.device("cpu")' in shown


def test_only_a_missing_package_is_installed(monkeypatch):
    ran = []
    monkeypatch.setattr(
        notebook.subprocess, "run", lambda command, **_: ran.append(command)
    )
    notebook._install_if_missing("json")
    assert not ran
    notebook._install_if_missing("a_package_that_is_not_there")
    assert ran[0][1:] == ["-m", "pip", "install", "-q", "a_package_that_is_not_there"]


def test_importing_notebook_needs_no_jaxtyping():
    hide = "import sys; sys.modules['jaxtyping'] = None; import lib.notebook"
    done = subprocess.run([sys.executable, "-c", hide], cwd=ROOT, capture_output=True)
    assert not done.returncode, done.stderr


def test_stored_metadata_asks_colab_for_a_gpu():
    stored = json.loads((ROOT / "chapters/02_attention.ipynb").read_text())
    assert stored["metadata"]["accelerator"] == "GPU"


def test_a_stored_result_names_its_command_and_machine():
    result = notebook.stored("ablations")
    assert result["command"] == "python -m benchmarks.ablations"
    assert result["machine"] and result["date"] and result["figures"]
    with pytest.raises(FileNotFoundError, match="nothing_of_the_kind.json"):
        notebook.stored("nothing_of_the_kind")
