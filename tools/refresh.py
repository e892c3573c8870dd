"""Refresh stored outputs: the one way in which the outputs of a notebook are made.

    python -m tools.refresh                              every notebook
    python -m tools.refresh chapters/02_attention.ipynb  one of them

Each notebook is run from top to bottom in a fresh kernel. What belongs to one machine
or one live session is left out (widget state, time stamps); nothing else is touched.
The seconds it took go into its header and into `benchmarks/results/chapters.json`.
"""

import base64
import json
import re
import sys
import time
from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from lib.data import corpora
from tools.address import notebooks
from tools.machine import machine
from tools.tidy import tidy

RECORD = Path("benchmarks/results/chapters.json")
SECONDS = re.compile(r"^(- \*\*Seconds to run:\*\* )\d+", re.MULTILINE)


def refresh(path: Path) -> float:
    """Run one notebook and store what it said; return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    began = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - began
    tidy(notebook)
    header = notebook.cells[0]
    header.source = SECONDS.sub(rf"\g<1>{seconds:.0f}", header.source)
    nbformat.write(notebook, path)
    save_cover(notebook)
    return seconds


def save_cover(notebook: NotebookNode) -> None:
    """Keep the picture of the cell tagged `cover` for the front page and the README."""
    for cell in notebook.cells:
        if "cover" in cell.metadata.get("tags", []):
            (picture,) = (o.data["image/png"] for o in cell.outputs if "data" in o)
            Path("assets/cover.png").write_bytes(base64.b64decode(picture))


def main(arguments: list[str]) -> None:
    corpora.fetch()  # so that no notebook stores a download's progress
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for path in map(Path, arguments or notebooks(Path())):
        seconds = refresh(path)
        record[path.as_posix()] = {
            "seconds": round(seconds),
            "machine": machine("torch"),
            "date": date.today().isoformat(),
            "command": f"python -m tools.refresh {path.as_posix()}",
        }
        print(f"{path}: {seconds:.0f} s", flush=True)
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
