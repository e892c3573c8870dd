"""The authors' tools, and that README, continuous integration and library agree."""

import ast
import asyncio
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.helpers.contents import contents
from tools import address, handout, machine, refresh, tidy
from tools.address import notebooks, read_notebook

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """The files of the book that name its address, somewhere else."""
    for name in (*address.TEXTS, "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "chapters", tmp_path / "chapters")
    return tmp_path


def test_the_address_moves_as_one(copy):
    old, new = address.address(copy), "https://github.com/someone/a-fork"
    address.move(copy, new)
    assert address.address(copy) == new
    assert not address.disagreements(copy)
    for path in copy.rglob("*.*"):
        if path.is_file():
            text = path.read_text()
            assert old.removeprefix("https://") not in text, path
            assert address.site(old) not in text, path
    address.move(copy, old)
    for path in (p for p in copy.rglob("*") if p.is_file()):
        assert path.read_bytes() == (ROOT / path.relative_to(copy)).read_bytes(), path


@pytest.mark.processes
def test_every_file_that_names_the_address_is_known():
    """Found by git, so that a file added later cannot be forgotten."""
    name = address.address(ROOT).removeprefix("https://github.com/")
    places = ["-e", f"github.com/{name}", "-e", address.site(address.address(ROOT))]
    found = subprocess.run(
        ["git", "-C", ROOT, "grep", "-l", *places, "--", ":!tests"],
        capture_output=True,
        text=True,
    ).stdout.split()
    known = {
        *address.TEXTS,
        *(p.relative_to(ROOT).as_posix() for p in notebooks(ROOT)),
    }
    assert set(found) <= known


@pytest.mark.parametrize(
    "wrong", ["github.com/a/b", "https://github.com/a", "https://x.org/a/b"]
)
def test_what_is_no_address_is_refused(copy, wrong):
    before = (copy / "_config.yml").read_text()
    with pytest.raises(ValueError, match=r"expected https://github\.com/OWNER/NAME"):
        address.move(copy, wrong)
    assert (copy / "_config.yml").read_text() == before


def test_a_disagreement_is_seen(copy):
    path = copy / "chapters/03_attention.ipynb"
    path.write_text(
        path.read_text().replace("clone -q --depth 1", "clone -q --depth 9")
    )
    assert address.disagreements(copy)[0].startswith(
        "chapters/03_attention.ipynb: the first"
    )


def test_relative_links_are_mended_and_anchors_kept(copy):
    path, url = copy / "chapters/solutions/03_attention.ipynb", address.address(copy)
    whole = f"{address.site(url)}/chapters/03_attention.html"
    text = path.read_text()
    path.write_text(text.replace(whole, "../03_attention.ipynb#the-mask"))
    (line,) = address.disagreements(copy)
    assert "03_attention.ipynb#the-mask is dead in Colab" in line
    address.move(copy, url)
    assert path.read_text() == text.replace(whole, f"{whole}#the-mask")
    assert not address.disagreements(copy)


@pytest.fixture
def notebook(tmp_path):
    cells = [
        nbformat.v4.new_markdown_cell("# T\n\n- **Seconds to run:** 99 on 2 CPU cores"),
        nbformat.v4.new_code_cell("for i in range(3): print(i)\n1 + 1"),
        nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.IntSlider()"),
    ]
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"x": 1}), path)
    return path


def refreshed(path):
    return asyncio.run(refresh.refresh(path))


@pytest.mark.processes
def test_refreshing_runs_and_tidies(notebook):
    seconds = refreshed(notebook)
    done = read_notebook(notebook)
    header, counting, slider = done.cells
    assert f"**Seconds to run:** {seconds:.0f} on" in header.source
    assert [o.get("text") or o["data"]["text/plain"] for o in counting.outputs] == [
        "0\n1\n2\n",
        "2",
    ]
    assert slider.outputs == [] and slider.execution_count == 2
    assert dict(done.metadata) == tidy.METADATA
    assert "execution" not in counting.metadata


@pytest.mark.processes
def test_refreshing_twice_changes_nothing(notebook):
    refreshed(notebook)
    strip = re.compile(r"Seconds to run:\*\* \d+")
    first = strip.sub("", notebook.read_text())
    refreshed(notebook)
    assert strip.sub("", notebook.read_text()) == first


# Like `train`, it takes an interrupt for Ctrl-C and ends as if all were well.
CALM = """import time
print("began", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("ended early")"""
FAILING = {
    "raises": ("1 / 0", "ZeroDivisionError"),
    "sleeps": ("import time; time.sleep(60)", "timed out"),
    "catches the interrupt": (CALM, "timed out"),
    "loses its kernel": ("import os; os._exit(1)", "Kernel died"),
}


@pytest.mark.processes
@pytest.mark.parametrize("how", FAILING)
def test_a_cell_that_fails_leaves_the_notebook_alone(how, notebook, monkeypatch):
    source, said = FAILING[how]
    monkeypatch.setattr(refresh, "LIMIT", 4)
    broken = read_notebook(notebook)
    broken.cells[1].source = source
    nbformat.write(broken, notebook)
    before = notebook.read_bytes()
    with pytest.raises(Exception, match=said):
        refreshed(notebook)
    assert notebook.read_bytes() == before
    assert list(notebook.parent.iterdir()) == [notebook]


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_is_not_stored(number, notebook):
    """In its last cell, which ends as if nothing had happened."""
    stopped = read_notebook(notebook)
    began = notebook.with_name("began")
    stopped.cells[2].source = f"open({str(began)!r}, 'w').close()\n{CALM}"
    nbformat.write(stopped, notebook)
    before, record = notebook.read_bytes(), refresh.RECORD.read_bytes()
    command = [sys.executable, "-m", "tools.refresh", notebook]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        while not began.exists():
            assert running.poll() is None
            time.sleep(0.1)
        time.sleep(0.5)
        running.send_signal(number)
        assert running.wait(timeout=60) != 0
    assert notebook.read_bytes() == before
    assert refresh.RECORD.read_bytes() == record


@pytest.mark.processes
def test_side_by_side_the_seconds_stay(notebook, capsys, monkeypatch):
    """Two that run well, one that fails: the others are stored all the same."""
    monkeypatch.setattr(refresh, "RECORD", notebook.with_name("record.json"))
    second, third = notebook.with_name("b.ipynb"), notebook.with_name("c.ipynb")
    shutil.copy(notebook, second)
    third.write_text("{")
    assert refresh.main(["--jobs", "2", *map(str, (notebook, second, third))]) == 1
    for path in (notebook, second):
        assert read_notebook(path).cells[1].outputs
        assert "**Seconds to run:** 99 on" in read_notebook(path).cells[0].source
    assert not refresh.RECORD.exists()
    assert third.read_text() == "{"
    assert f"{third} is no notebook" in capsys.readouterr().err


@pytest.mark.processes
def test_one_after_the_other_the_seconds_are_recorded(notebook, monkeypatch):
    monkeypatch.setattr(refresh, "RECORD", notebook.with_name("record.json"))
    assert refresh.main([str(notebook)]) == 0
    (entry,) = json.loads(refresh.RECORD.read_text()).values()
    header = read_notebook(notebook).cells[0].source
    assert f"**Seconds to run:** {entry['seconds']} on" in header
    assert entry["command"].endswith(str(notebook))


# --- what lies beside the chapters


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"nbformat": 3, "worksheets": 3}'])
def test_a_broken_notebook_is_named(text, copy):
    (copy / "chapters/03_attention.ipynb").write_text(text)
    said = r"chapters/03_attention\.ipynb is no notebook: \S"
    with pytest.raises(ValueError, match=said):
        address.disagreements(copy)
    with pytest.raises(ValueError, match=said):
        address.move(copy, "https://github.com/someone/a-fork")


def test_a_stray_notebook_is_left_alone(copy):
    before = notebooks(copy)
    (copy / "chapters/Untitled.ipynb").write_text("{")
    (copy / "chapters/solutions/03_attention-Copy1.ipynb").write_text("{")
    assert notebooks(copy) == before
    assert not address.disagreements(copy)


@pytest.mark.processes
def test_every_notebook_of_the_repository_is_a_page():
    """A chapter that the table of contents forgets would be tested by no one."""
    command = ["git", "-C", ROOT, "ls-files", "chapters/*.ipynb"]
    tracked = subprocess.run(command, capture_output=True, text=True).stdout.split()
    named = {f"{page}.ipynb" for page in contents() if page.startswith("chapters/")}
    assert named == {path.relative_to(ROOT).as_posix() for path in notebooks(ROOT)}
    assert named >= set(tracked)


def test_tidying_takes_what_an_editor_adds_and_no_output(copy):
    path = copy / "chapters/03_attention.ipynb"
    clean, opened = path.read_bytes(), nbformat.read(path, as_version=4)
    opened.metadata["language_info"] = {"name": "python", "version": "3.12.1"}
    opened.metadata["colab"] = {"provenance": []}
    for cell in opened.cells:
        cell.metadata |= {"execution": {"a": "b"}, "outputId": "1", "scrolled": True}
    nbformat.write(opened, path)
    tidy.main([str(path)])
    assert path.read_bytes() == clean


@pytest.mark.processes
def test_a_handout_is_the_book_without_its_solutions(tmp_path):
    handout.handout(ROOT, folder := tmp_path / "class")
    assert not (folder / "chapters/solutions").exists()
    for path in notebooks(folder):
        before = (ROOT / path.relative_to(folder)).read_text()
        assert before.count("Solutions are on") == ("check.progress(" in before)
        assert path.read_text() == handout.SENTENCE.sub("", before)
        assert "Solutions are" not in path.read_text()
    assert contents(folder) == [p for p in contents() if "solutions" not in p]
    assert "solutions" not in (folder / "_toc.yml").read_text().casefold()
    with pytest.raises(FileExistsError):
        handout.handout(ROOT, folder)


def test_a_record_names_the_machine_and_the_versions_that_matter():
    said = machine.machine("torch", "nbval")
    assert machine.processor() and said.startswith(f"{machine.processor()}, ")
    cores, *others, python, pytorch, nbval = said.removeprefix(
        f"{machine.processor()}, "
    ).split(", ")
    assert (
        cores == f"{os.cpu_count()} cores" and len(others) == torch.cuda.is_available()
    )
    assert python.startswith("Python 3.")
    assert pytorch == f"torch {version('torch')}" and nbval.startswith("nbval ")
    assert torch.__version__.startswith(pytorch.removeprefix("torch "))


# --- what is said in two places is the same


def test_continuous_integration_runs_the_readmes_commands():
    blocks = re.findall(
        r"```bash\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    commands = [
        line for block in blocks[:2] for line in block.splitlines() if "venv" in line
    ]
    run = (ROOT / ".ci/run").read_text().splitlines()
    assert len(commands) == 2
    for command in commands:
        assert command in run


def test_requirements_are_pinned():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith(("#", "-c ")):
            assert re.match(r"[a-z-]+==[\w.]+( |$)", line), line


def axes_of(path):
    """Every axis name in the shapes of a library file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in {"Float", "Int", "Bool"}
        ):
            for word in node.slice.elts[1].value.split():
                if not re.search(r"[\d{}]|^_$|^\.\.\.$", word):
                    yield word.lstrip("#*")


def test_axis_names_are_in_the_vocabulary():
    rows = re.findall(
        r"^(\w+) {2,}\S", (ROOT / "lib/__init__.py").read_text(), re.MULTILINE
    )
    vocabulary = set(rows) - {"axis"}
    used = {axis for path in (ROOT / "lib").rglob("*.py") for axis in axes_of(path)}
    assert len(vocabulary) >= 10
    assert used <= vocabulary


def test_imports_point_one_way(capsys):
    """By the contracts of `pyproject.toml`, which name every folder of `lib/`."""
    settings = str(ROOT / "pyproject.toml")
    assert lint_imports(settings, no_cache=True) == EXIT_STATUS_SUCCESS, (
        capsys.readouterr().out
    )


# --- habits


def test_hooks_run_the_pinned_tools_and_need_no_network():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    pinned = (ROOT / "requirements.txt").read_text()
    for name in ("pre-commit", "ruff", "import-linter", "basedpyright"):
        assert f"\n{name}==" in pinned
    for repository in hooks:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            program, *rest = hook["entry"].split()
            assert program in {"ruff", "lint-imports", "python"}
            if program == "python" and rest[1].startswith("tools."):
                assert (ROOT / f"{rest[1].replace('.', '/')}.py").exists()


def test_forms_for_errata_are_whole():
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[0-9]*.yml"))
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert form["name"] and form["description"] and form["title"]
        names = [field["id"] for field in form["body"]]
        assert len(set(names)) == len(names) >= 3
        for field in form["body"]:
            assert field["type"] in {"input", "textarea", "dropdown"}
            assert field["attributes"]["label"]


@pytest.mark.processes
@pytest.mark.parametrize("name", ["teachers.md", "CONTRIBUTING.md", "README.md"])
def test_commands_on_a_page_name_what_is_there(name):
    """Modules, files, and every option of the training command."""
    text = (ROOT / name).read_text()
    modules = re.findall(r"python -m ((?:tools|lib)[.\w]*)", text)
    assert modules
    for module in modules:
        assert importlib.util.find_spec(module), module
    for file in re.findall(r"\b((?:chapters|tests|lib)/[\w/]+\.(?:py|ipynb))", text):
        file = file.replace("NN_name", "01_tokens").replace("NN", "01")
        assert (ROOT / file).exists(), file
    known = set(re.findall(r"--[\w-]+", console_help()))
    for command in re.findall(r"-m lib\.train((?:\\\n|.)*)", text):
        for option in re.findall(r"--[\w-]+", command):
            assert option in known, option


@cache
def console_help():
    command = [sys.executable, "-m", "lib.train", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    book = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert citation["version"] == package["version"]
    assert citation["title"] == book["title"]
    assert citation["authors"] == package["authors"] == [{"name": book["author"]}]
    assert citation["repository-code"] == address.address(ROOT)
    assert citation["url"] == address.site(address.address(ROOT))
    page = (ROOT / "teachers.md").read_text()
    assert f"version = {{{package['version']}}}" in page and citation["url"] in page
