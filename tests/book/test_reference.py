"""The pages of the library: every public name, as written, with its chapter."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

from tools import library

ROOT = Path(__file__).parents[2]
FILES = library.library(ROOT)
NAMES = library.names(FILES)
PLACES = library.places(ROOT, FILES)

SAMPLE = '''\
"""Idea: in one sentence
over two lines.

More.
"""

from lib.other import thing

# Above a name
# in capitals.
NAME = (
    1,
)
small = 2


@decorated
class Part(Base):
    """A part.

    >>> Part(1)
    """

    size: int = 1  # how large

    def __init__(
        self,
        x: Float[Tensor, "#batch time"],
    ):
        """Raises ValueError."""
        self.x = x

    @property
    def y(self) -> Float[Tensor, "#batch"]:
        # a comment
        return self.x

    def __iter__(self):
        yield 1

    def _hidden(self): ...


def one(x: int) -> int: ...


def _two():
    """Not public."""
'''


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(SAMPLE)
    return library.read_file(path, "lib/sample.py")


def test_a_file_is_read_as_it_is_written(sample):
    part, one, name = sample.entries
    assert sample.idea == "Idea: in one sentence over two lines."
    assert sample.imports == {"thing": "lib.other.thing"}
    assert part.signature == (
        "@decorated\nclass Part(Base)\n    size: int = 1  # how large\n"
        "    def __init__(\n        self,\n"
        '        x: Float[Tensor, "#batch time"],\n    )'
    )
    assert part.doc == "A part.\n\n>>> Part(1)\n\nRaises ValueError."
    assert [(m.name, m.kind) for m in part.members] == [("lib.sample.Part.y", "method")]
    assert part.members[0].signature == (
        '@property\ndef y(self) -> Float[Tensor, "#batch"]'
    )
    assert (one.signature, one.parameters) == ("def one(x: int) -> int", {"x"})
    assert (name.kind, name.doc) == ("data", "Above a name in capitals.")
    where = [SAMPLE.splitlines()[a - 1 : b] for a, b in (part.lines, name.lines)]
    assert (where[0][0], where[1][-1]) == ("@decorated", ")")


@pytest.mark.parametrize(
    "name", ["lib.model.attention", "lib.model.config", "lib.train.batches"]
)
def test_it_finds_what_python_finds(name):
    """Against the import system, which reads files in another way."""
    module = import_module(name)
    public = {
        thing.__name__: thing
        for thing in vars(module).values()
        if inspect.isfunction(thing) or inspect.isclass(thing)
        if thing.__module__ == name and not thing.__name__.startswith("_")
    }
    found = {e.short: e for e in FILES[name].entries if e.kind != "data"}
    assert found.keys() == public.keys()
    for short, entry in found.items():
        first = inspect.getsourcelines(public[short])[1]
        assert entry.lines[0] == first
        assert entry.doc.startswith(inspect.getdoc(public[short]))


def test_packages_pass_names_on():
    assert library.full_name("lib.train.windows", FILES) == "lib.train.batches.windows"
    assert library.full_name("lib.check.row", FILES) == "lib.check.chapter_02.row"
    assert (
        library.full_name("lib.model.gpt.GPT.forward", FILES)
        == "lib.model.gpt.GPT.forward"
    )


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
    found = library.places(tmp_path, FILES)
    used = library.Place("chapters/01_a", "First", False)
    shown = library.Place("chapters/02_b", "Third", True)
    assert found["lib.train.batches.windows"] == used
    assert found["lib.model.masks.causal_mask"] == found["lib.model.masks"] == shown
    assert not [name for name in found if name not in NAMES and name not in FILES]


def test_what_chapters_use_has_an_entry():
    assert len(PLACES) > 100
    missing = [name for name in PLACES if name not in NAMES and name not in FILES]
    assert not missing


def test_every_file_stands_on_one_page():
    text = "\n".join(p.read_text() for p in (ROOT / "reference").glob("*.md"))
    listed = re.findall(r"^lib(?:\.\w+)*$", text, re.MULTILINE)
    assert sorted(listed) == sorted(FILES)


def test_docstrings_become_paragraphs_examples_and_tables(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import reference_pages as pages

    doc = """Say `one` of *these*, `two`, 2 * x * y.

    x = 1

>>> 1 + 1
2

====  =====
a     b
====  =====
c     `d` e
====  =====
"""
    known = {"one": "lib.sample.one"}
    text, formula, example, table = pages.prose(doc, lambda name: known.get(name, ""))
    assert text.astext() == "Say one of these, two, 2 * x * y."
    assert [link["to"] for link in text.findall(pages.name_link)] == ["lib.sample.one"]
    assert (formula.astext(), formula["language"]) == ("x = 1", "text")
    assert (example.astext(), example["language"]) == (">>> 1 + 1\n2", "pycon")
    rows = [row.astext() for row in table.findall(pages.nodes.row)]
    assert rows == ["a\n\nb", "c\n\nd e"]
