"""Refresh stored outputs: the one way in which the outputs of a notebook are made.

    python -m tools.refresh                              every notebook
    python -m tools.refresh chapters/03_attention.ipynb  one of them
    python -m tools.refresh --jobs 2                     two at a time

Each notebook is run from top to bottom in a fresh kernel, and stored when its last cell
has ended well: one that failed, ran out of time or was stopped stays as it was. What
belongs to one machine or one live session is left out (widget state, time stamps);
nothing else is touched.

One after the other, the seconds that each took go into its header and into
`benchmarks/results/chapters.json`. Side by side they say nothing: the old ones stay.
"""

import argparse
import asyncio
import base64
import json
import re
import signal
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from lib.data import wheels
from tools.address import notebooks, read_notebook
from tools.machine import machine
from tools.tidy import tidy

RECORD = Path("benchmarks/results/chapters.json")
SECONDS = re.compile(r"^(- \*\*Seconds to run:\*\* )\d+", re.MULTILINE)
LIMIT = 600  # seconds for one cell: a slow day is no fault


async def refresh(path: Path, *, measured: bool = True) -> float:
    """Run one notebook and store what it said; return the seconds it took.

    Raises what nbclient raises for a cell that fails, runs out of time or loses its
    kernel, and ValueError where the file holds no notebook; the file is then untouched.
    """
    notebook = read_notebook(path)
    began = time.perf_counter()
    await client(notebook, path.parent).async_execute()
    seconds = time.perf_counter() - began
    tidy(notebook)
    if measured:
        header = notebook.cells[0]
        header.source = SECONDS.sub(rf"\g<1>{seconds:.0f}", header.source)
    store(notebook, path)
    save_cover(notebook)
    return seconds


def client(notebook: NotebookNode, folder: Path) -> NotebookClient:
    """What runs a notebook in its folder, and gives up rather than go on without."""
    return NotebookClient(
        notebook,
        timeout=LIMIT,
        interrupt_on_timeout=False,  # code may catch an interrupt and end early
        raise_on_iopub_timeout=True,  # or outputs that come late would be left out
        iopub_timeout=60,
        coalesce_streams=True,
        on_notebook_start=leave_signals,
        resources={"metadata": {"path": folder}},
    )


def leave_signals(notebook: NotebookNode) -> None:
    """Let Ctrl-C end this program; nbclient's handler interrupts the kernel instead."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows nbclient has none
            asyncio.get_running_loop().remove_signal_handler(number)


def store(notebook: NotebookNode, path: Path) -> None:
    """Write the whole file or nothing."""
    new = path.with_name(f".{path.name}.new")
    nbformat.write(notebook, new)
    new.replace(path)


def save_cover(notebook: NotebookNode) -> None:
    """Keep the picture of the cell tagged `cover` for the front page and the README."""
    for cell in notebook.cells:
        if "cover" in cell.metadata.get("tags", []):
            (picture,) = (o.data["image/png"] for o in cell.outputs if "data" in o)
            Path("assets/cover.png").write_bytes(base64.b64decode(picture))


def record(path: Path, seconds: float) -> None:
    """Note the seconds of one notebook beside those of the others."""
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    known[path.as_posix()] = {
        "seconds": round(seconds),
        "machine": machine("torch"),
        "date": date.today().isoformat(),
        "command": f"python -m tools.refresh {path.as_posix()}",
    }
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


async def refresh_all(paths: list[Path], jobs: int) -> list[str]:
    """Refresh notebooks, some at a time; return one line for each that failed."""
    places = asyncio.Semaphore(jobs)

    async def one(path: Path) -> str | None:
        async with places:
            try:
                seconds = await refresh(path, measured=jobs == 1)
            except Exception as error:
                print(f"{path}: not stored\n{error}", file=sys.stderr, flush=True)
                return f"{path}: {type(error).__name__}"
        if jobs == 1:
            record(path, seconds)
        print(f"{path}: {seconds:.0f} s", flush=True)
        return None

    ended = await asyncio.gather(*(one(path) for path in paths))
    return [line for line in ended if line]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m tools.refresh")
    parser.add_argument("paths", nargs="*", type=Path, help="all notebooks if none")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    asked = parser.parse_args(arguments)
    if asked.jobs < 1:
        parser.error(f"--jobs is {asked.jobs}; expected 1 or more")
    wheels.fetch()  # so that no notebook stores a download's progress
    failed = asyncio.run(refresh_all(asked.paths or notebooks(Path()), asked.jobs))
    if failed:
        print("not stored:", *failed, sep="\n  ", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
