"""A local Sphinx extension: pages of the library, one for each folder of `lib/`.

Sphinx's autodoc makes them from signatures and docstrings. Here is what it lacks: the
pages themselves, written into `reference/` before each build; a link to the code of
each name, and to the chapter that shows or first uses it; and three habits of the
library's docstrings, told to Sphinx: a comment beside a field says what it is, one
backtick marks code, four spaces a formula.

The directive `library-files` is the table of all files. The role `chapter` links to a
section of a chapter, as in `chapters/03_attention#The mask`; the role `section` says
its heading alone.
"""

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode
from sphinx_external_toc.api import Document, FileItem

from tools import library as lib
from tools.address import address

MADE = ".. Made by tools/reference_pages.py from the files of lib/.\n\n"
FIELD = re.compile(r"^((?:    )?\w+(?:: .+?| = .+?)  )# ", re.MULTILINE)
ABOVE = re.compile(r"^# (?=.*\n(?:# .*\n)*[A-Z][A-Z\d_]+(?:: .+?)? = )", re.MULTILINE)


def write_pages(app: Sphinx, config: Config) -> None:
    """A page for each part of the library, before Sphinx looks for pages."""
    root = Path(app.srcdir)
    sys.path.insert(0, str(root))
    pages = {root / f"reference/{p}.rst": page(root, p) for p in lib.packages(root)}
    for path in (root / "reference").glob("*.rst"):
        if path not in pages and path.read_text("utf-8").startswith(MADE):
            path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    config.linkcode_resolve = lambda _, info: source(root, **info)


def page(root: Path, package: str) -> str:
    """The text of a page: a section for each file, filled by autodoc."""
    first, *others = lib.modules(root, package)
    text = MADE + titled(first, "=") + f".. automodule:: {first}\n"
    if not others:
        return text + "   :members:\n"
    text += passed_on(root, first)
    for name in others:
        path = name.removeprefix(f"{first}.").replace(".", "/")
        path += ".py" if (root / f"lib/{package}/{path}.py").exists() else "/"
        text += f"\n{titled(path, '-')}.. automodule:: {name}\n   :members:\n"
    return text


def titled(name: str, line: str) -> str:
    """A heading, as code."""
    return f"``{name}``\n{line * (len(name) + 4)}\n\n"


def passed_on(root: Path, package: str) -> str:
    """What a folder offers under its own name, although it stands in its files."""
    names = getattr(import_module(package), "__all__", [])
    links = (f":py:obj:`~{lib.full_name(f'{package}.{name}', root)}`" for name in names)
    said = f"\nNames that can be imported from ``{package}``: {', '.join(links)}.\n"
    return said if names else ""


def order_pages(app: Sphinx, config: Config) -> None:
    """Pages stand in the order of the folders, where the contents has an asterisk."""
    contents = config.external_site_map
    pages = [FileItem(f"reference/{name}") for name in lib.packages(Path(app.srcdir))]
    for tree in [tree for page in contents.values() for tree in page.subtrees]:
        if lib.PAGES in tree.items:
            tree.items = pages
    for page in pages:
        contents[page] = Document(docname=page)


def read_comments(app: Sphinx) -> None:
    """Have Sphinx read comments beside fields and above constants."""
    root = Path(app.srcdir)
    for name in [m for p in lib.packages(root) for m in lib.modules(root, p)]:
        text = inspect.getsource(import_module(name))
        text = ABOVE.sub("#: ", FIELD.sub(r"\1#: ", text))
        analyzer = ModuleAnalyzer.for_string(text, name)
        analyzer.analyze()
        for constant in constants_in_use(root, name):
            analyzer.attr_docs.setdefault(("", constant), [""])
        ModuleAnalyzer.cache["module", name] = analyzer


def constants_in_use(root: Path, module: str) -> list[str]:
    """Those that chapters use need no comment to be shown."""
    names = (name.rpartition(".") for name in lib.places(root))
    return [last for owner, _, last in names if owner == module and last.isupper()]


def choose(app: Sphinx, what: str, name: str, thing, skip: bool, options) -> bool:
    """Show what is public and ours, though it may have no docstring."""
    module = getattr(thing, "__module__", None) or "lib"
    if what == "class" and not module.startswith("lib"):
        return True  # another library has put it into a class of ours
    return skip and (name.startswith("_") or not hasattr(thing, "__qualname__"))


def mend(app: Sphinx, what: str, name: str, thing, options, lines: list[str]) -> None:
    """The docstring as Sphinx wants it, and below it where chapters show the name."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines))
    text = "\n\n".join(map(as_rst, blocks))
    links = about(app, what, name, thing) if is_last(what, thing, lines) else []
    if links:
        said = " · ".join(links)
        text += f"\n\n.. container:: lib-links\n\n   {said[0].upper()}{said[1:]}\n"
    lines[:] = text.splitlines()


def is_last(what: str, thing, lines: list[str]) -> bool:
    """Whether no docstring follows: a class may have one more, on how it is made."""
    made = vars(thing).get("__init__") if what == "class" else None
    more = getattr(made, "__doc__", None)
    return not more or inspect.cleandoc(more).splitlines()[0] == lines[0]


def about(app: Sphinx, what: str, name: str, thing) -> list[str]:
    """What stands below a docstring: the code, the bases, the chapter."""
    links = []
    place = lib.places(Path(app.srcdir)).get(name)
    if what == "module":
        links.append(f"`source <{source(Path(app.srcdir), name)}>`__")
    bases = thing.__bases__ if what == "class" else ()
    links += [f"extends ``{b.__qualname__}``" for b in bases if b is not object]
    if place and not hasattr(thing, "__path__"):
        said = "shown in" if place.shown else "first used in"
        links.append(f"{said} :chapter:`{place.chapter}#{plain(place.heading)}`")
    return links


def as_rst(block: str) -> str:
    """A paragraph of a docstring: code in double backticks, a formula as it stands."""
    if block.startswith("    "):
        return f".. code-block:: text\n\n{block}"
    if block.lstrip().startswith((">>>", "==")):
        return block
    return re.sub(r"(?<![`:\w])`([^`]*[^`\w.][^`]*)`(?!`)", r"``\1``", block)


def plain(heading: str) -> str:
    """A heading without its marks."""
    return re.sub(r"[`*$]", "", heading)


def source(root: Path, module: str, fullname: str = "") -> str:
    """Where the code of a name stands in the repository."""
    file = import_module(module)
    thing = file
    for part in fullname.split("."):
        thing = getattr(thing, part, None)
    thing = getattr(thing, "fget", thing)
    thing = inspect.unwrap(thing) if callable(thing) else thing
    inside = Path(str(inspect.getsourcefile(file))).relative_to(root).as_posix()
    place = f"{address(root)}/blob/main/{inside}"
    name = getattr(thing, "__qualname__", None)
    if thing is None or name != fullname:  # a constant, a field, a file
        return place
    text, first = inspect.getsourcelines(thing)
    return f"{place}#L{first}-L{first + len(text) - 1}"


class place_link(nodes.Element):
    """A link to the section of a chapter, made when all pages are known."""


class Chapter(SphinxRole):
    """A link to a section of a chapter: its page, a number sign, its heading.

    As `chapter` it names both, as `section` the heading alone.
    """

    def run(self) -> tuple[list[nodes.Node], list]:
        """The link to come."""
        chapter, _, heading = self.text.partition("#")
        short = self.name == "section"
        return [place_link(chapter=chapter, heading=heading, short=short)], []


class LibraryFiles(SphinxDirective):
    """The table of all files: the idea of each, and its chapter."""

    def run(self) -> list[nodes.Node]:
        """One row for each file."""
        root = Path(self.env.srcdir)
        text = ".. list-table::\n   :header-rows: 1\n\n   * - file\n     - chapter\n"
        for package in lib.packages(root):
            for name in lib.modules(root, package):
                idea = (inspect.getdoc(import_module(name)) or "").split("\n\n")[0]
                idea = as_rst(" ".join(idea.split()))
                place = lib.places(root).get(name)
                chapter = f":chapter:`{place.chapter}`" if place else ""
                text += f"   * - :py:mod:`{name}` {idea}\n     - {chapter}\n"
        note_sources(self.env)
        return self.parse_text_to_nodes(text)


def note_sources(env: BuildEnvironment) -> None:
    """The page changes when the library or a chapter does."""
    root = Path(env.srcdir)
    for path in [*root.glob("lib/**/*.py"), *root.glob("chapters/*.ipynb")]:
        env.note_dependency(str(path))


def chapter_name(env: BuildEnvironment, chapter: str) -> str:
    """A chapter as readers call it, its number and its title; another page's title."""
    title = env.titles[chapter].astext()
    numbered = re.fullmatch(r"chapters/(\d\d)_\w+", chapter)
    number = int(numbered[1]) if numbered else 0
    return f"chapter {number}, {title}" if number else title


def anchor(env: BuildEnvironment, page: str, heading: str) -> str:
    """The anchor of the section of a page that has this heading, or no anchor."""
    for link in env.tocs[page].findall(nodes.reference):
        same = link.astext().replace("’", "'") == plain(heading)
        if same and link["anchorname"]:  # the page's own title has none
            return link["anchorname"].removeprefix("#")
    return ""


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links to chapters, now that every page is known."""
    for link in list(doctree.findall(place_link)):
        page = link["chapter"]
        if page not in app.env.titles:  # not in the table of contents
            link.replace_self(nodes.literal("", page))
            continue
        where = anchor(app.env, page, link["heading"])
        text = "" if where and link.get("short") else chapter_name(app.env, page)
        text += f": {plain(link['heading'])}" if where and text else ""
        child = nodes.Text(text or plain(link["heading"]))
        link.replace_self(make_refnode(app.builder, docname, page, where, child))


def mark_parameters(app: Sphinx, page: str, template: str, context: dict, _) -> None:
    """To a screen reader, parameters one a line are no list of definitions."""
    body = context.get("body", "")
    context["body"] = body.replace("<dl>\n<dd><em", '<dl role="none">\n<dd><em')


def unindented(code: str) -> tuple[str, str]:
    """Code as it stands, and as Python reads it: a method alone is indented."""
    return code, dedent(code)


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.linkcode")
    app.add_role("chapter", Chapter())
    app.add_role("section", Chapter())
    app.add_directive("library-files", LibraryFiles)
    app.connect("config-inited", write_pages, priority=400)  # before the contents
    app.connect("config-inited", order_pages, priority=950)  # are read, and after
    app.connect("builder-inited", read_comments)
    app.connect("autodoc-skip-member", choose)
    app.connect("autodoc-process-docstring", mend)
    app.connect("doctree-resolved", resolve)
    app.connect("html-page-context", mark_parameters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
