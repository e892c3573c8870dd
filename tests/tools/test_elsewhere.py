"""A notebook on a machine that is not ours: what its first cell brings, and keeps."""

import importlib.metadata
import re
import resource
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lib.notebook import NEEDED
from tools import elsewhere
from tools.address import notebooks

ROOT = Path(__file__).parents[2]
# What Colab has of what the book needs, and a runtime that has next to nothing.
BARE = {*elsewhere.KEPT, "ipykernel"}
COLAB = BARE | set(NEEDED.values()) - {"jaxtyping"}

pytestmark = pytest.mark.processes


def normal(name):
    """A package's name as every tool writes it."""
    return re.sub(r"[-_.]+", "-", name.lower())


def closure(names):
    """Packages with all that they ask for in this environment, themselves included."""
    found, left = set(), list(names)
    while left:
        name = normal(re.match(r"[\w.-]+", left.pop())[0])
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        if name not in found:
            found.add(name)
            left += [line for line in wanted if "extra ==" not in line]
    return found


def environment(folder, names):
    """A Python that sees these packages of ours and no other; pip cannot touch them."""
    command = [sys.executable, "-m", "venv", "--copies", folder / "venv"]
    subprocess.run(command, check=True)
    seen = folder / "packages"
    seen.mkdir()
    for name in closure(names):
        for file in importlib.metadata.files(name):
            if (top := file.parts[0]) not in ("..", "__pycache__"):
                whole = Path(importlib.metadata.distribution(name).locate_file(top))
                if not (seen / top).exists():
                    (seen / top).symlink_to(whole)
    (site,) = folder.glob("venv/lib/python*/site-packages")
    (site / "ours.pth").write_text(f"{seen}\n")
    return str(folder / "venv/bin/python")


def children():
    """Seconds of the processor, not of a clock: the machine may be busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_cell_and_imports():
    """A notebook of the first cell, and what all chapters and solutions import."""
    cells = [
        cell
        for path in notebooks(ROOT)
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]
    imports = re.compile(r"((import|from) .+\n?|\n)+")
    chosen = [c for c in cells if imports.fullmatch(c.source) and "import" in c.source]
    assert len(chosen) >= len(notebooks(ROOT))
    sources = [cell.source for cell in (cells[0], *chosen)]
    return nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))


@pytest.mark.parametrize(
    "has, installed, seconds",
    [(COLAB, {"jaxtyping"}, 15), (BARE, set(NEEDED.values()) - {"filelock"}, 30)],
    ids=["colab", "bare"],
)
def test_the_first_cell_brings_what_is_missing(
    tmp_path, book, monkeypatch, has, installed, seconds
):
    python = environment(tmp_path, has)
    before = elsewhere.versions(python)
    assert not installed & before.keys() and set(elsewhere.KEPT) <= before.keys()
    settings = book | elsewhere.add_kernel(python, tmp_path / "jupyter")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (alone := tmp_path / "alone").mkdir()
    spent = children()
    done = elsewhere.run(first_cell_and_imports(), alone)
    if "pip could not bring" in done.error:
        pytest.skip("pip reaches no index here, which this test is about")
    assert not done.error
    assert 0 < children() - spent < seconds
    new, complaint = elsewhere.changes(before, elsewhere.versions(python))
    assert not complaint
    names = {normal(line.split()[0]) for line in new}
    assert installed <= names <= closure(installed)


def test_an_error_is_told_and_ends_the_run(tmp_path, monkeypatch):
    variables = elsewhere.add_kernel(sys.executable, tmp_path / "jupyter")
    monkeypatch.setenv("JUPYTER_PATH", variables["JUPYTER_PATH"])
    cells = [nbformat.v4.new_code_cell(text) for text in ("1", "1 / 0", "open('a')")]
    done = elsewhere.run(nbformat.v4.new_notebook(cells=cells), tmp_path)
    assert "ZeroDivisionError" in done.error and "open" not in done.error
    assert 0 < done.first <= done.whole


@pytest.mark.parametrize(
    "cell, says",
    [
        ("import os; os._exit(1)", "The kernel died in code cell 1: out of memory?"),
        ("import time; time.sleep(600)", "timed out while it was being executed"),
    ],
)
def test_a_cell_that_never_ends_is_told_and_counted(tmp_path, monkeypatch, cell, says):
    variables = elsewhere.add_kernel(sys.executable, tmp_path / "jupyter")
    monkeypatch.setenv("JUPYTER_PATH", variables["JUPYTER_PATH"])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    done = elsewhere.run(notebook, tmp_path, timeout=2)
    assert says in done.error
    assert done.first == done.whole > (2 if "sleep" in cell else 0)


def test_what_is_replaced_is_a_complaint():
    before = {"torch": "2.6.0", "numpy": "2.0", "matplotlib": "3", "tqdm": "4"}
    after = {**before, "tqdm": "5", "jaxtyping": "0.3"}
    assert elsewhere.changes(before, after) == (["jaxtyping 0.3", "tqdm 5"], "")
    new, complaint = elsewhere.changes(before, {**after, "torch": "2.13.0"})
    assert "torch 2.13.0" in new and complaint == "replaced: torch"


def test_without_an_interpreter_it_says_how_to_use_it():
    command = [sys.executable, "-m", "tools.elsewhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode and "python -m tools.elsewhere PYTHON" in done.stderr


def test_an_interpreter_that_lacks_something_is_told_so(monkeypatch):
    monkeypatch.setattr(elsewhere, "versions", lambda _: {"torch": "2", "numpy": "2"})
    with pytest.raises(SystemExit, match=r"^far has no matplotlib, ipykernel\.$"):
        elsewhere.main("far")
