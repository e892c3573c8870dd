"""How much memory does chapter 6 need? The most that its kernel held at any moment.

    python -m benchmarks.memory            about 2 minutes
    python -m benchmarks.memory --check    exits 1 if the target is missed

The chapter runs from top to bottom in a fresh kernel, as a reader would run it. The
figure is the largest resident set that the kernel itself reports at the end, PyTorch
and the plays included. A cell that fails ends the command, and nothing is stored. The
machine may be busy: that lengthens the run, and changes nothing of the figure.
"""

import sys
from pathlib import Path

import nbformat

from benchmarks import Target, conclude
from lib.data import wheels
from tools.address import read_notebook
from tools.elsewhere import run
from tools.execute import KERNEL, said

CHAPTER = Path("chapters/06_training.ipynb")
HOURS = 3600  # seconds in which a cell must end
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, in which a system counts
ASK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def peak(chapter: Path) -> float:
    """The largest resident set of a notebook's kernel, in GB.

    Exits with the error when a cell fails.
    """
    notebook = read_notebook(chapter)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    done = run(notebook, chapter.parent, HOURS, KERNEL)
    if done.error:
        sys.exit(f"{chapter}: {done.error}")
    return int(said(notebook.cells[-1])) * UNIT / 1e9


def targets(figures: dict) -> list[Target]:
    """A chapter runs beside a browser where there are 4 GB."""
    number = int(Path(figures["chapter"]).stem[:2])
    name = f"Peak memory of chapter {number}"
    return [Target(name, figures["peak_gigabytes"], 2, "GB", at_most=True)]


def main() -> None:
    wheels.fetch()  # here, or a download would be part of it
    figures = {
        "chapter": CHAPTER.as_posix(),
        "peak_gigabytes": round(peak(CHAPTER), 3),
    }
    conclude("memory", figures, targets(figures), ["torch"])


if __name__ == "__main__":
    main()
