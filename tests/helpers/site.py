"""The site for the tests: built once a run, whatever the workers, and opened whole."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import NamedTuple

from filelock import FileLock
from playwright.sync_api import Browser

from tests.helpers.browser import Reader, Visit, serve, weight
from tests.helpers.contents import contents

ROOT = Path(__file__).parents[2]
PAGES = [*contents(), "search", "genindex"]  # the last two come with the theme
PROGRAM = str(Path(sys.executable).with_name("jupyter-book"))
BUILD = (PROGRAM, "build", ".", "-W", "--keep-going", "--path-output")
View = tuple[str, int]  # a color scheme and a width
Visits = dict[str, dict[View, Visit]]  # by page


class Build(NamedTuple):
    """How a build ended, the pages, and the seconds that it took."""

    done: CompletedProcess
    folder: Path
    seconds: float


def built(root: Path, command: Sequence[str] = BUILD) -> Build:
    """The site in `root`: who comes first builds it, who comes later finds it there.

    All others wait meanwhile. A build that was broken off has left no mark of its end,
    and is made again.
    """
    target = root / "site"
    mark = root / "site.json"
    with FileLock(root / "site.lock"):
        if not mark.exists():
            start = time.monotonic()
            done = subprocess.run(
                [*command, target],
                cwd=ROOT,
                encoding="utf-8",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            record = [done.returncode, done.stdout, time.monotonic() - start]
            mark.write_text(json.dumps(record), encoding="utf-8")
    status, said, seconds = json.loads(mark.read_text(encoding="utf-8"))
    done = CompletedProcess(command, status, said)
    return Build(done, target / "_build" / "html", seconds)


def opened(browser: Browser, folder: Path, views: Iterable[View]) -> Visits:
    """Every page, opened in each of the views."""
    with serve(folder) as address:
        readers = {view: Reader(browser, address, *view) for view in views}
        return {
            page: {view: reader.visit(page) for view, reader in readers.items()}
            for page in PAGES
        }


def faults_of(kind: str, visits: dict[View, Visit]) -> dict[View, list[str]]:
    """The faults of a kind that a page has, by the view in which it has them."""
    found = {view: visit.faults.get(kind, []) for view, visit in visits.items()}
    return {view: faults for view, faults in found.items() if faults}


def loads(visits: Visits, folder: Path) -> dict[str, list[float]]:
    """For each page kilobytes as they go over the wire, and how much it moves.

    All that it loads at first; what is new after the page before it in the book, and
    after the front page; the shift while it comes, for which `browser.py` has a bound.
    """
    loaded = {
        page: set().union(*(visit.loaded for visit in views.values()))
        for page, views in visits.items()
    }
    every = set().union(*loaded.values())
    kilobytes = {name: weight(folder, name) / 1000 for name in every}
    found = {}
    before = "index"
    for page, names in loaded.items():
        parts = [names, names - loaded[before], names - loaded["index"]]
        sizes = [sum(kilobytes[name] for name in part) for part in parts]
        found[page] = [*sizes, max(visit.shift for visit in visits[page].values())]
        before = page
    return found


def table(rows: dict[str, list[float]]) -> str:
    """What `loads` found, a line for each page."""
    lines = ["first load  after the page before, the front page  shift"]
    for page, (first, after, later, shift) in rows.items():
        lines.append(
            f"{first:7.0f} kB {after:9.0f} kB{later:9.0f} kB {shift:9.3f}  {page}"
        )
    return "\n".join(lines)
