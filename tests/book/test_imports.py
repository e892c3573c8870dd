"""Imports are cheap: what is slow to load is loaded by whoever uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.processes
SLOW = (  # nothing that a chapter imports may bring these, nor may `start()`
    "sklearn",
    "scipy.stats",
    "tensorboard",
    "torch.utils.tensorboard",
    "torch.distributed.tensor",
    "ipywidgets",
)
NEEDS_IT = ("lib.finetune.naive_bayes",)  # derives from scikit-learn's classes
CHAPTERS = """
import ast, json, sys
from pathlib import Path

slow, found = sys.argv[1].split(), {}

def imports_alone(source):
    kinds = (ast.Import, ast.ImportFrom)
    return all(isinstance(node, kinds) for node in ast.parse(source).body)

for path in sorted(Path().glob("**/*.ipynb")):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    for source in [sources[0], *filter(imports_alone, sources[1:])]:
        exec(source, {})
    found[str(path)] = [name for name in slow if name in sys.modules]
print(json.dumps(found))
"""
LIBRARY = """
import importlib, json, pkgutil, sys
import lib

slow, found = sys.argv[1].split(), {}
for module in pkgutil.walk_packages(lib.__path__, "lib."):
    if module.name not in sys.argv[2:] and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        found[module.name] = [name for name in slow if name in sys.modules]
print(json.dumps(found))
"""


def loaded(program, *arguments, folder=ROOT):
    """What a new process says it has loaded, after each thing that it imported."""
    command = [sys.executable, "-c", program, " ".join(SLOW), *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_chapters_import_nothing_slow():
    found = loaded(CHAPTERS, folder=ROOT / "chapters")
    assert len(found) == len([*(ROOT / "chapters").glob("**/*.ipynb")])
    assert {name: slow for name, slow in found.items() if slow} == {}


def test_no_module_of_the_library_imports_anything_slow():
    found = loaded(LIBRARY, *NEEDS_IT)
    assert {"lib.notebook", "lib.widgets.live", "lib.train.loop"} <= set(found)
    assert {name: slow for name, slow in found.items() if slow} == {}
