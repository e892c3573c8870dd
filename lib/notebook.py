"""What the first cell of every chapter needs: device, seeds, style, and `show`."""

import importlib.util
import inspect
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from IPython import get_ipython
from IPython.display import Markdown

# What the library imports and a bare runtime may lack: module, and pip's name for it.
NEEDED = {
    "jaxtyping": "jaxtyping",
    "regex": "regex",
    "tqdm": "tqdm",
    "yaml": "pyyaml",
    "filelock": "filelock",
    "safetensors": "safetensors",
    "ipywidgets": "ipywidgets",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "rouge_score": "rouge-score",
}
KEPT = ("torch", "numpy", "matplotlib")  # whatever their versions, never replaced

INCOMPLETE = (
    "The copy of the book's library in {folder} is incomplete: {missing} is missing. "
    "Delete that folder, restart the kernel and run this cell again."
)
ADVICE = (
    "If a cell above was left out, changed or run out of order: "
    "restart the kernel and run all cells, from the top."
)


def start(seed: int = 0) -> torch.device:
    """Make a notebook ready (packages, seeds, one thread, style); return the device.

    One thread, because the tensors of this book are tiny: handing them to a second core
    costs more than it saves. Raise it with `torch.set_num_threads` when you enlarge a
    model. Ends with a sentence when part of the library is missing.
    """
    _install_missing()
    if shell := get_ipython():
        shell.set_custom_exc((Exception,), _advise)
    try:
        from lib.device import pick_device
        from lib.plots.style import use_style  # needs jaxtyping
    except ModuleNotFoundError as error:
        if not _is_ours(error):
            raise
        sys.exit(_incomplete(error))

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the reader's global generator)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    use_style()
    return pick_device()


def show(*things: Callable) -> Markdown:
    """The source of functions and classes, as the tests and the notebook run it."""
    sources = [inspect.getsource(thing).rstrip() for thing in things]
    return Markdown("\n\n".join(f"```python\n{source}\n```" for source in sources))


def _install_missing() -> None:
    """Install what is missing, and nothing else; where pip cannot, say so and stop."""
    missing = [p for m, p in NEEDED.items() if importlib.util.find_spec(m) is None]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "kept.txt")
        kept.write_text("".join(f"{name}=={version(name)}\n" for name in KEPT))
        command = [sys.executable, "-m", "pip", "install", "-q", "-c", kept, *missing]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        sys.exit(f"pip could not install {', '.join(missing)}. It said: {last}")
    importlib.invalidate_caches()


def _advise(shell, kind, error, stack, tb_offset=None) -> None:
    """Show an error as always, and below it what most often mends it."""
    shell.showtraceback((kind, error, stack), tb_offset=tb_offset)
    if _is_ours(error):
        print(_incomplete(error), file=sys.stderr)
    elif not hasattr(error, "_render_traceback_"):  # such an error says it itself
        print(ADVICE, file=sys.stderr)


def _is_ours(error: BaseException) -> bool:
    """Whether a module of the library is missing: a clone that was interrupted."""
    return isinstance(error, ModuleNotFoundError) and str(error.name).startswith("lib.")


def _incomplete(error: ModuleNotFoundError) -> str:
    folder = Path(__file__).parent.parent
    return INCOMPLETE.format(folder=folder, missing=error.name)


def stored(name: str, processor: str = "") -> dict:
    """What `python -m benchmarks.NAME` stored: command, date, machine and figures.

    Of a result of speed, which is kept "by_processor", a `processor` such as "AMD"
    chooses the one record of a machine that it is part of. Raises FileNotFoundError
    when there is no such result, ValueError when none or several are of the processor.
    """
    folder = Path(__file__).parent.parent / "benchmarks" / "results"
    result = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if not processor:
        return result
    records = result.get("by_processor", {"": result}).values()
    found = [each for each in records if processor in each["machine"]]
    if len(found) != 1:
        known = [each["machine"] for each in records]
        raise ValueError(f"processor must be one of {known}, got {processor!r}")
    return found[0]


def provenance(result: dict) -> Markdown:
    """How a stored result was made: a line that opens and names command, date, machine.

    `result` is what `stored` gave, or one of its entries by processor.
    """
    said = f"`{result['command']}`, {result['date']}, {result['machine']}"
    summary = "<summary>How this was measured</summary>"
    return Markdown(f"<details>{summary}\n\n{said}\n\n</details>")
