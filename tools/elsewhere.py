"""Run notebooks as a stranger's machine does: another Python, an empty folder.

    python -m tools.elsewhere PYTHON                              every notebook
    python -m tools.elsewhere PYTHON chapters/03_attention.ipynb  one of them

PYTHON is the interpreter of another environment, with torch, numpy, matplotlib and
ipykernel in whatever versions; what else the book needs, its first cell installs there.
Each notebook runs in an empty folder. The last commit of this checkout
stands in for the book's address, so the clone needs no network. Nothing is stored.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from lib.notebook import KEPT
from tools.address import address, notebooks, read_notebook

VERSIONS = (
    "import json; from importlib.metadata import distributions as all; "
    "print(json.dumps({d.name.lower(): d.version for d in all()}))"
)


class Run(NamedTuple):
    """How long the first cell and the whole took, in seconds, and the first error."""

    first: float
    whole: float
    error: str


def standing_in(root: Path, folder: Path) -> dict[str, str]:
    """Variables under which git takes a bare clone of `root` for the book's address."""
    subprocess.run(["git", "clone", "-q", "--bare", root, folder], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address(root),
    }


def add_kernel(python: str, folder: Path) -> dict[str, str]:
    """Variables under which Jupyter finds a kernel `elsewhere` that is this Python."""
    command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    place = folder / "kernels" / "elsewhere"
    place.mkdir(parents=True)
    spec = {"argv": command, "display_name": "elsewhere", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))
    return {"JUPYTER_PATH": str(folder)}


def versions(python: str) -> dict[str, str]:
    """Every package of an environment, and its version."""
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, check=True)
    return json.loads(done.stdout)


def run(
    notebook: NotebookNode,
    folder: Path,
    timeout: int = 1800,
    kernel: str = "elsewhere",
) -> Run:
    """Run a notebook in a folder with a kernel, to its end or its first error.

    No cell may take longer than `timeout` seconds.
    """
    began = []
    ended = []
    client = NotebookClient(
        notebook,
        kernel_name=kernel,
        startup_timeout=600,  # a busy machine is slow
        timeout=timeout,
        resources={"metadata": {"path": folder}},
        on_cell_execute=lambda **_: began.append(time.perf_counter()),
        on_cell_executed=lambda **_: ended.append(time.perf_counter()),
    )
    error = ""
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as stopped:
        error = re.sub(r"\x1b\[[\d;]*m", "", str(stopped))
    except DeadKernelError:
        error = f"The kernel died in code cell {len(began)}: out of memory?"
    if len(ended) < len(began):  # the time of a cell that never ended counts, too
        ended.append(time.perf_counter())
    return Run(ended[0] - began[0], ended[-1] - began[0], error)


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[list[str], str]:
    """What was installed, and the complaint if something that is kept was not."""
    new = [f"{n} {after[n]}" for n in sorted(after) if after[n] != before.get(n)]
    replaced = [n for n in KEPT if before.get(n) != after.get(n)]
    return new, f"replaced: {', '.join(replaced)}" if replaced else ""


def main(python: str, *paths: str) -> int:
    before = versions(python)
    failed = 0
    if missing := [name for name in (*KEPT, "ipykernel") if name not in before]:
        sys.exit(f"{python} has no {', '.join(missing)}.")
    print(*(f"{name} {before[name]}" for name in KEPT), sep=", ")
    with tempfile.TemporaryDirectory() as place:
        os.environ |= standing_in(Path.cwd(), Path(place, "book.git"))
        os.environ |= add_kernel(python, Path(place, "jupyter"))
        for path in map(Path, paths or notebooks(Path())):
            folder = Path(tempfile.mkdtemp(dir=place))
            done = run(read_notebook(path), folder)
            print(f"{path}: {done.whole:.0f} s, the first cell {done.first:.0f} s")
            print(end=done.error and f"{done.error.rstrip()}\n", flush=True)
            failed += bool(done.error)
    new, complaint = changes(before, versions(python))
    print("installed:", ", ".join(new) or "nothing")
    print(end=complaint)
    return 1 if failed or complaint else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
