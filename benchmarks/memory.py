"""How much memory does chapter 6 need? The most that its kernel held at any moment.

    python -m benchmarks.memory            about 2 minutes
    python -m benchmarks.memory --check    exits 1 if the target is missed

The chapter is run from top to bottom in a fresh kernel, as a reader would. The figure
is the peak resident set of that process, PyTorch and the plays included.
"""

import resource
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from benchmarks import Target, conclude
from lib.data import corpora

CHAPTER = Path("chapters/06_training.ipynb")
GIGABYTE = 1e9  # in bytes


def peak(chapter: Path) -> float:
    """The largest resident set, in GB, of any process that the run started."""
    notebook = nbformat.read(chapter, as_version=4)
    folder = {"metadata": {"path": chapter.parent}}
    NotebookClient(notebook, timeout=300, resources=folder).execute()
    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size * (1 if sys.platform == "darwin" else 1024) / GIGABYTE


def main() -> None:
    corpora.fetch()
    figure = peak(CHAPTER)
    target = Target("Peak memory of chapter 6", figure, 2, "GB", at_most=True)
    figures = {"chapter": CHAPTER.as_posix(), "peak_gigabytes": round(figure, 3)}
    conclude("memory", figures, [target], ["torch"])


if __name__ == "__main__":
    main()
