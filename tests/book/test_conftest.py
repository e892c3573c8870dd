"""How a run of the tests ends: by the book's own `conftest.py`, in another folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 3  # seconds for a cell
NBVAL = ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={LIMIT}"]
SLEEPS = "import time\ntime.sleep(60)"
# Like `train`, it takes the interrupt for Ctrl-C and ends as if all were well.
CATCHES = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass"
pytestmark = pytest.mark.processes


def run(folder: Path, *options: str) -> tuple[int, str]:
    """Run pytest there, with the book's hooks; how it ended and what it said."""
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-vv", *options, "."]
    hidden = {"PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"}
    variables = {k: v for k, v in os.environ.items() if k not in hidden}
    variables["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True
    )
    return done.returncode, done.stdout


def outcomes(said: str) -> dict[str, str]:
    """By test, what a run on one worker said of it."""
    return dict(re.findall(r"^(\S.*::\S.*) (PASSED|FAILED|ERROR)", said, re.MULTILINE))


def write(path: Path, *sources: str) -> None:
    """A notebook of cells that were run and said nothing."""
    cells = [nbformat.v4.new_code_cell(text, execution_count=1) for text in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def test_a_cell_that_runs_out_of_time_fails_whatever_it_does(tmp_path):
    slow = {"catches": CATCHES, "sleeps": SLEEPS}
    for name, source in slow.items():
        write(tmp_path / f"{name}.ipynb", "a = 1", source, "a = 2", "a = 3")
    write(tmp_path / "well.ipynb", "a = 1", "a = 2")
    status, said = run(tmp_path, *NBVAL)
    assert status == pytest.ExitCode.TESTS_FAILED
    found = outcomes(said)
    for name in slow:
        ended = [found[f"{name}::ipynb::Cell {n}"] for n in range(4)]
        assert ended == ["PASSED", "FAILED", "ERROR", "ERROR"]
    assert found["well::ipynb::Cell 0"] == found["well::ipynb::Cell 1"] == "PASSED"
    assert f"Cell 1: It ran longer than {LIMIT} s and was interrupted" in said
    assert f"Cell 1: Timeout of {LIMIT} seconds exceeded" in said
    assert said.count("not run: an earlier cell ran out of time") >= 4
    assert not re.search(r"\d (xfailed|xpassed)", said)


def test_nothing_may_be_expected_to_fail(tmp_path):
    (tmp_path / "test_excused.py").write_text(
        "import pytest\n"
        "@pytest.mark.xfail\ndef test_fails(): assert False\n"
        "@pytest.mark.xfail\ndef test_passes(): pass\n"
        "def test_plain(): pass\n"
    )
    status, said = run(tmp_path, "-n", "2")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "1 passed, 1 xfailed, 1 xpassed" in said
    for name in ("test_fails", "test_passes"):
        line = f"FAILED test_excused.py::{name}: nothing may be expected to fail"
        assert line in said


def test_a_process_needs_its_mark(tmp_path):
    """Started by a test or by its fixture; one that hides the failure fails as well."""
    (tmp_path / "test_starts.py").write_text(
        "import contextlib, multiprocessing, subprocess, sys\n"
        "import pytest\n"
        "command = [sys.executable, '-c', '']\n"
        "child = multiprocessing.get_context('spawn').Process(target=print)\n"
        "@pytest.fixture\ndef started(): subprocess.run(command)\n"
        "def test_runs(): subprocess.run(command)\n"
        "def test_hides():\n"
        "    with contextlib.suppress(Exception): subprocess.run(command)\n"
        "def test_child(): child.start()\n"
        "def test_fixture(started): pass\n"
        "def test_plain(): pass\n"
        "@pytest.mark.processes\ndef test_marked(started): child.start()\n"
    )
    status, said = run(tmp_path)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert outcomes(said) == {
        "test_starts.py::test_runs": "FAILED",
        "test_starts.py::test_hides": "FAILED",
        "test_starts.py::test_child": "FAILED",
        "test_starts.py::test_fixture": "ERROR",
        "test_starts.py::test_plain": "PASSED",
        "test_starts.py::test_marked": "PASSED",
    }
    assert said.count("so it needs the mark `processes`") >= 4


def test_a_stray_notebook_is_passed_over(tmp_path):
    """Beside a chapter, broken, and not in the table of contents."""
    (tmp_path / "_toc.yml").write_text(
        "root: index\nchapters:\n- file: chapters/01_a\n"
    )
    (tmp_path / "chapters").mkdir()
    write(tmp_path / "chapters/01_a.ipynb", "a = 1")
    (tmp_path / "chapters/Untitled.ipynb").write_text("{")
    status, said = run(tmp_path, *NBVAL)
    assert status == pytest.ExitCode.OK
    assert "1 passed" in said


SILENT = """
import logging
import logging.config

def test_a_program_sets_up_its_own_logging():
    logging.getLogger("known")
    logging.config.dictConfig({"version": 1})  # this switches all others off
    assert logging.getLogger("known").disabled

def test_the_next_one_is_heard():
    assert not logging.getLogger("known").disabled
"""


def test_a_test_that_silences_loggers_silences_no_other(tmp_path):
    (tmp_path / "test_it.py").write_text(SILENT)
    status, said = run(tmp_path)
    assert status == pytest.ExitCode.OK, said
    assert set(outcomes(said).values()) == {"PASSED"}
