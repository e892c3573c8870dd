"""The pages of the library: every public name, its code, and its chapter."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from sphinx.util.inventory import InventoryFile

import lib
from tools import library

ROOT = Path(__file__).parents[2]
MODULES = [name for _, name, _ in pkgutil.walk_packages(lib.__path__, "lib.")]
CONF = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
extensions = ["sphinx_external_toc", "tools.reference_pages"]
default_role, add_module_names = "py:obj", False
autodoc_default_options = {{"ignore-module-all": True, "no-value": True}}
autodoc_inherit_docstrings, autoclass_content = False, "both"
autodoc_member_order, autodoc_typehints_format = "bysource", "short"
python_maximum_signature_line_length = 60
html_theme, suppress_warnings = "basic", ["config.cache"]
"""
LAYERS = """[tool.importlinter]
contracts = [{type = "layers", layers = ["(later)", "high", "low"]}]
"""
SAMPLE = '''"""Idea: in one sentence.

The least of `x` and `1 / y` is

    x < 1
"""

from lib.low.other import Base, thing

__all__ = ["Part", "thing"]

# Above a name
# in capitals.
NAME = (1, 2)
small = 2


class Part(Base):
    """A part of `thing`, see `Part.y`.

    >>> Part(1)
    """

    size: int = 1  # how large

    def __init__(self, x: "Sized | None" = None):
        """Raises ValueError for `x` below zero."""

    @property
    def y(self) -> int:
        """The `size`."""

    def inherited(self):
        """Ours."""

    def _hidden(self):
        """Not public."""


def _two():
    """Not public."""
'''
OTHER = '''"""Other."""


class Base:
    """A base."""

    def from_base(self):
        """Of the base."""


def thing():
    """A thing."""
'''


def build(folder):
    """Build the pages of a small book; what was said, and the names by page."""
    (folder / "conf.py").write_text(CONF)
    (folder / "index.rst").write_text("I\n=\n\n.. automodule:: lib\n")
    contents = {"root": "index", "subtrees": [{"entries": [{"glob": library.PAGES}]}]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents))
    (folder / "reference").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "sphinx", "-q", folder, folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert not done.returncode, done.stderr
    with (folder / "out/objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, place: place)
    kinds = (
        "class",
        "exception",
        "function",
        "method",
        "property",
        "attribute",
        "data",
    )
    names = {
        name: place
        for kind in kinds
        for name, (*_, place, _) in inventory.get(f"py:{kind}", {}).items()
    }
    return done.stderr, names


@pytest.fixture
def sample(tmp_path):
    """A library of two folders, in which one passes on what the other has."""
    for name, text in {
        "pyproject.toml": LAYERS,
        "_config.yml": "repository: {url: https://github.com/a/b}\n",
        "lib/__init__.py": '"""The library."""\n',
        "lib/high/__init__.py": '"""High.\n\nSee `high.sample`.\n"""\n'
        "from lib.high.sample import NAME, Part\n\n"
        '__all__ = ["NAME", "Part"]\n',
        "lib/high/sample.py": SAMPLE,
        "lib/low/__init__.py": '"""Low."""\n',
        "lib/low/other.py": OTHER,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.processes
def test_a_page_has_what_is_public_once(sample):
    said, names = build(sample)
    assert not said
    assert names.keys() == {
        *("lib.high.sample." + name for name in ("NAME", "Part", "Part.size")),
        *("lib.high.sample.Part." + name for name in ("y", "inherited")),
        *("lib.low.other." + name for name in ("Base", "Base.from_base", "thing")),
    }
    page = (sample / "out/reference/high.html").read_text()
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))
    for words in (
        "Above a name in capitals.",
        "how large",
        "Raises ValueError for x below zero.",
        "The least of x and 1 / y is",
        "Names that can be imported from lib.high: NAME, Part.",
        "Extends Base",
    ):
        assert words in text, words
    assert "x &lt; 1\n</pre>" in page
    assert 'href="#lib.high.sample.Part.y"' in page  # a name in a docstring
    assert 'class="gp">&gt;&gt;&gt; ' in page


@pytest.mark.processes
def test_a_new_folder_has_a_page_and_one_that_goes_has_none(sample):
    build(sample)
    assert not (sample / "reference/later.rst").exists()
    (sample / "lib/later").mkdir()
    (sample / "lib/later/__init__.py").write_text('"""Later."""\n')
    (sample / "lib/high/sample.py").unlink()
    (sample / "lib/high/__init__.py").unlink()
    (sample / "reference/own.rst").write_text("Own\n===\n")
    _, names = build(sample)
    pages = {path.stem for path in (sample / "reference").iterdir()}
    assert pages == {"low", "later", "own"}
    assert "lib.low.other.thing" in names and "lib.high.sample.Part" not in names


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of the library as it is."""
    folder = tmp_path_factory.mktemp("book")
    for name in ("lib", "_config.yml", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    return folder, *build(folder)


def public():
    """Every public name as Python finds it, with the line on which it stands."""
    for name in MODULES:
        module = importlib.import_module(name)
        for thing in vars(module).values():
            own = getattr(thing, "__module__", "") == name
            if not own or not (inspect.isfunction(thing) or inspect.isclass(thing)):
                continue
            for full, part in {thing.__name__: thing, **methods(thing)}.items():
                if not re.search(r"(^|\.)_", full):
                    yield f"{name}.{full}", inspect.unwrap(part)


def methods(thing):
    """What a class defines itself."""
    if not inspect.isclass(thing):
        return {}
    own = {}
    for name, part in vars(thing).items():
        part = getattr(part, "fget", getattr(part, "__func__", part))
        full = f"{thing.__name__}.{name}"
        if inspect.isfunction(part) and part.__qualname__ == full:
            own[full] = part
    return own


@pytest.mark.processes
def test_every_public_name_is_on_the_page_of_its_folder(pages):
    _, said, names = pages
    assert not said
    found = dict(public())
    assert len(found) > 300
    missing = [name for name in found if name not in names]
    assert not missing
    for name in found:
        assert names[name].startswith(f"reference/{name.split('.')[1]}.html#")


@pytest.mark.processes
def test_a_link_to_code_leads_to_its_lines(pages):
    folder, *_ = pages
    found = dict(public())
    links = {}
    for path in (folder / "out/reference").glob("*.html"):
        for entry in path.read_text().split('id="lib.')[1:]:
            link = re.search(
                r'blob/main/(\S+?)#L(\d+)-L(\d+)"', entry.split("</dt>")[0]
            )
            links["lib." + entry.split('"')[0]] = link
    for name, thing in found.items():
        path, first, last = links[name].groups()
        lines = (ROOT / path).read_text().splitlines()[int(first) - 1 : int(last)]
        assert lines == inspect.getsource(thing).splitlines(), name


def write(path, *cells):
    made = [
        getattr(nbformat.v4, f"new_{kind}_cell")(text)
        for kind, text in (cell.split(": ", 1) for cell in cells)
    ]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)


def test_to_be_shown_counts_more_than_to_be_used(tmp_path):
    write(
        tmp_path / "chapters/01_a.ipynb",
        "markdown: # First\n```\n# no heading\n```",
        "code: from lib import train\nfrom lib.model import masks as at\n!ls\n"
        "train.windows(x)[0].y",
        "markdown: ## Second",
        "code: at.causal_mask(3)",
    )
    write(
        tmp_path / "chapters/02_b.ipynb",
        "markdown: ## Third",
        "code: from lib.notebook import show\nfrom lib.model.masks import causal_mask",
        "code: show(causal_mask)",
    )
    listed = "root: index\nchapters:\n- file: chapters/01_a\n- file: chapters/02_b\n"
    (tmp_path / "_toc.yml").write_text(listed)
    found = library.places(tmp_path)
    used = library.Place("chapters/01_a", "First", False)
    shown = library.Place("chapters/02_b", "Third", True)
    assert found["lib.train.batches.windows"] == used
    assert found["lib.model.masks.causal_mask"] == found["lib.model.masks"] == shown


def test_folders_pass_names_on():
    assert library.full_name("lib.train.windows") == "lib.train.batches.windows"
    assert library.full_name("lib.check.row") == "lib.check.chapter_03.row"
    assert library.full_name("lib.model.gpt.GPT.forward") == "lib.model.gpt.GPT.forward"
    assert library.full_name("lib.check.progress") == "lib.check.progress.progress"


def test_folders_and_files_are_in_the_order_of_the_book():
    packages = library.packages(ROOT)
    found = {name.split(".")[1] for name in MODULES}
    assert set(packages) == found and len(packages) == len(found)
    assert packages[0] == "device" and packages.index("data") < packages.index("train")
    files = [module for name in packages for module in library.modules(ROOT, name)]
    assert sorted(files) == sorted(MODULES)
    listed = library.modules(ROOT, "model")
    assert listed[:2] == ["lib.model", "lib.model.masks"]


def test_the_contents_have_a_page_for_each_folder():
    listed = {
        "a": [{"file": "b", "sections": [{"glob": library.PAGES}]}, {"file": "c"}]
    }
    (page, last) = library.unfolded(listed, ROOT)["a"]
    assert last == {"file": "c"} and page["file"] == "b"
    names = [entry["file"] for entry in page["sections"]]
    assert names == [f"reference/{name}" for name in library.packages(ROOT)]


def test_what_a_docstring_says_of_code_is_read_as_code():
    from tools.reference_pages import as_rst

    assert as_rst("Say `one` or `a < b`, ``so``.") == "Say `one` or ``a < b``, ``so``."
    assert as_rst("    x = `1`") == ".. code-block:: text\n\n    x = `1`"
    assert as_rst(">>> `1 + 1`") == ">>> `1 + 1`"
