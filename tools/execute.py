"""Run notebooks side by side, each in a fresh kernel, and store nothing.

    python -m tools.execute                              every notebook
    python -m tools.execute chapters/03_attention.ipynb  one of them
    python -m tools.execute --jobs 8                     so many at a time

For each it prints the seconds it took and the device it worked on, and the cell that
failed if one did: what a chapter promises, it asserts. The exit status is 1 if any
failed. It needs ipykernel, nbclient and ipywidgets beside what the chapters import.
"""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from tools import elsewhere
from tools.address import notebooks, read_notebook

KERNEL = "python3"  # the one that runs this program
ASK = 'print(globals().get("device", "no device"))'


class Outcome(NamedTuple):
    """How a notebook went: seconds, the device it named, and the first error."""

    path: Path
    seconds: float
    device: str
    error: str


def execute(path: Path, timeout: int = 600) -> Outcome:
    """Run a notebook from top to bottom; no cell may take longer than `timeout` s."""
    notebook = read_notebook(path)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    done = elsewhere.run(notebook, path.parent, timeout, KERNEL)
    return Outcome(path, done.whole, said(notebook.cells[-1]), place(notebook, done))


def said(cell: NotebookNode) -> str:
    """What a cell printed; nothing when the run did not come so far."""
    return "".join(output.get("text", "") for output in cell.outputs).strip()


def place(notebook: NotebookNode, done: elsewhere.Run) -> str:
    """The error, and before it which cell it was in: the last that had its turn."""
    if not done.error:
        return ""
    begun = [n for n, cell in enumerate(notebook.cells) if cell.get("execution_count")]
    return f"cell {begun[-1] if begun else 'unknown'}: {done.error.rstrip()}"


def execute_all(paths: Sequence[Path], jobs: int) -> Iterator[Outcome]:
    """Every notebook, at most `jobs` at a time, as they end: kernels are processes."""
    with ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(execute, path) for path in paths]
        for each in as_completed(begun):
            yield each.result()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(
        "python -m tools.execute",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    asked = parser.parse_args(arguments)
    failed = 0
    for done in execute_all(asked.notebooks or notebooks(Path()), asked.jobs):
        well = f"{done.seconds:.0f} s on {done.device}"
        print(f"{done.path}: {'FAILED' if done.error else well}", flush=True)
        print(end=done.error and f"{done.error}\n", flush=True)
        failed += bool(done.error)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
