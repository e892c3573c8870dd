"""Notebooks side by side: seconds and device of each, and the cell that failed."""

import os

import nbformat
import pytest

from tools import execute

pytestmark = pytest.mark.processes


@pytest.fixture
def write(tmp_path):
    def write(name, *sources):
        cells = [nbformat.v4.new_markdown_cell("# A heading")]
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / name)
        return tmp_path / name

    return write


def test_it_runs_in_the_notebooks_folder_and_stores_nothing(write, capsys):
    source = "import os\ndevice = f'a chip in {os.path.basename(os.getcwd())}'"
    path = write("a.ipynb", source, "print(6 * 7)")
    before = path.read_bytes()
    assert execute.main([str(path)]) == 0
    assert path.read_bytes() == before
    said = capsys.readouterr().out
    assert said == f"{path}: {said.split()[1]} s on a chip in {path.parent.name}\n"


def test_a_failed_promise_names_its_cell_and_the_others_go_on(write, capsys):
    bad = write("bad.ipynb", "loss = 2.5", "assert loss < 1.9, 'too much'", "open('x')")
    good = write("good.ipynb", "1 + 1")
    assert execute.main(["--jobs", "2", str(bad), str(good)]) == 1
    said = capsys.readouterr().out
    assert f"{bad}: FAILED\ncell 2: " in said and "AssertionError: too much" in said
    assert "open" not in said.replace("popen", "")
    assert f"{good}: 0 s on no device\n" in said or f"{good}: 1 s on" in said


@pytest.mark.parametrize(
    "source, says",
    [
        ("import time; time.sleep(600)", "timed out"),
        ("import os; os._exit(1)", "The kernel died"),
    ],
)
def test_a_cell_that_never_ends_is_an_error(write, source, says):
    done = execute.execute(write("a.ipynb", "1", source), timeout=4)
    assert says in done.error and done.device == ""


def test_notebooks_run_at_the_same_time(write, tmp_path):
    """Each waits for what the other writes: one after the other, both would fail."""
    wait = "import os, time\nopen({0!r}, 'w').close()\nend = time.time() + 60\n"
    wait += "while not os.path.exists({1!r}):\n    assert time.time() < end\n"
    a, b = os.fspath(tmp_path / "a"), os.fspath(tmp_path / "b")
    paths = [write("a.ipynb", wait.format(a, b)), write("b.ipynb", wait.format(b, a))]
    done = list(execute.execute_all(paths, jobs=2))
    assert {each.path for each in done} == set(paths)
    assert not any(each.error for each in done)
