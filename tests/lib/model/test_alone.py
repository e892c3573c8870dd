"""The folder can be borrowed: copied alone, under another name, it trains a GPT."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lib.model

PROGRAM = """
import json, sys
import torch
from borrowed.config import GPTConfig
from borrowed.gpt import GPT

torch.manual_seed(0)
model = GPT(GPTConfig(vocab=5, context=8, width=16, layers=2, heads=2))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
ids = (torch.arange(9) % 5).repeat(4, 1)
losses = []
for _ in range(5):
    scores = model(ids[:, :-1]).flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(scores, ids[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
for name in FILES:
    __import__("borrowed." + name)
print(json.dumps([losses, sorted(sys.modules)]))
"""
FOLDER = Path(lib.model.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


@pytest.mark.processes
def test_it_trains_in_a_project_of_its_own(tmp_path):
    shutil.copytree(
        FOLDER, tmp_path / "borrowed", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "learn.py").write_text(f"FILES = {FILES}\n{PROGRAM}")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "learn.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    losses, modules = json.loads(done.stdout)
    assert len(losses) == 5 and losses[-1] < 0.9 * losses[0]
    assert not [name for name in modules if name.split(".")[0] == "lib"]


def test_it_imports_torch_and_jaxtyping_alone():
    """What is imported by name; what torch brings along is torch's affair."""
    known = {*sys.stdlib_module_names, "torch", "jaxtyping"}
    for path in FOLDER.glob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if line.startswith(("import ", "from ")) and words[1][0] != ".":
                assert words[1].split(".")[0] in known, (path.name, line)
