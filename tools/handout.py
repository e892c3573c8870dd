"""A copy of the book without its solutions, to hand out.

    python -m tools.handout FOLDER

FOLDER must not exist yet. It gets every file that git knows here, less the solutions,
their part of the table of contents, and the sentence of each chapter that leads there.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from tools.address import notebooks, read_notebook

SOLUTIONS = ("chapters/solutions/", "solutions.md")
SENTENCE = re.compile(r" ?Solutions are on \[[^]]*\]\([^)]*\)\.")


def copy_tracked(root: Path, folder: Path) -> None:
    """Copy what git knows, as it is now, but no solution."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if not name.startswith(SOLUTIONS):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)


def without_solutions(contents: dict) -> dict:
    """A table of contents with no solution, and no part that is left empty."""
    parts = []
    for part in contents["parts"]:
        kept = [c for c in part["chapters"] if c["file"] != "solutions"]
        if kept:
            parts.append({**part, "chapters": kept})
    return {**contents, "parts": parts}


def handout(root: Path, folder: Path) -> None:
    """Make the copy; FileExistsError when `folder` is there already."""
    folder.mkdir(parents=True)
    copy_tracked(root, folder)
    toc = folder / "_toc.yml"
    contents = without_solutions(yaml.safe_load(toc.read_text(encoding="utf-8")))
    toc.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
    for path in notebooks(folder):
        notebook = read_notebook(path)
        for cell in (c for c in notebook.cells if c.cell_type == "markdown"):
            cell.source = SENTENCE.sub("", cell.source)
        nbformat.write(notebook, path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    handout(Path.cwd(), Path(sys.argv[1]))
