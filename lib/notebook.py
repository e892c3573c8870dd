"""What the first cell of every chapter needs: device, seeds, style, and `show`."""

import importlib.util
import inspect
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from IPython.display import Markdown


def start(seed: int = 0) -> torch.device:
    """Make a notebook ready (packages, seeds, one thread, style); return the device.

    One thread, because the tensors of this book are tiny: handing them to a second core
    costs more than it saves. Raise it with `torch.set_num_threads` when you enlarge a
    model.
    """
    for package in ("jaxtyping", "regex"):
        _install_if_missing(package)
    from lib import plots  # needs jaxtyping

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    plots.use_style()
    return pick_device()


def pick_device() -> torch.device:
    """The fastest device here: an NVIDIA GPU, else an Apple GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def show(*things: object) -> Markdown:
    """The source of functions and classes: what the tests ran and the notebook runs."""
    sources = [inspect.getsource(thing).rstrip() for thing in things]
    return Markdown("\n\n".join(f"```python\n{source}\n```" for source in sources))


def _install_if_missing(package: str) -> None:
    """A bare runtime may lack a package; nothing that is there is replaced."""
    if importlib.util.find_spec(package) is None:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", package], check=True
        )


def stored(name: str) -> dict:
    """What `python -m benchmarks.NAME` stored: command, date, machine and figures.

    Raises FileNotFoundError when there is no such result.
    """
    folder = Path(__file__).parent.parent / "benchmarks" / "results"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
