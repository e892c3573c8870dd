"""A local Sphinx extension: pages of the library, made from its docstrings.

The directive `library` lists files of `lib/`, each with its public names: signature,
docstring, a link to the source, and a link to the chapter that shows or first uses it.
The directive `library-files` is the table of all files. Nothing is imported.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import library as lib
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

Nodes = list[nodes.Node]
logger = logging.getLogger(__name__)


class name_link(nodes.Element):
    """A link to an entry of these pages, made when all pages are known."""


class place_link(nodes.Element):
    """A link to the section of a chapter where an entry is shown or used."""


def read_library(app: Sphinx) -> None:
    """Read `lib/` and the chapters' use of it, once a build."""
    root = Path(app.srcdir)
    files = lib.library(root)
    app.library = files, lib.names(files), lib.places(root, files)


class Library(SphinxDirective):
    """Files of the library, one a line, as sections of the page."""

    has_content = True

    def run(self) -> Nodes:
        """One section for each file named."""
        self.files, self.names, self.places = self.env.app.library
        self.env.metadata[self.env.docname]["library"] = list(self.content)
        note_sources(self.env)
        return [self.file(self.files[name]) for name in self.content]

    def file(self, file: lib.File) -> nodes.section:
        """A section: the file's idea, then its names."""
        section = nodes.section("", titled(file.path), ids=[file.name])
        section += self.links(file.name, file.path, None)
        section += prose(file.doc, lambda name: self.known(name, file))
        for entry in file.entries:
            if entry.kind != "data" or entry.name in self.places:
                section += self.entry(entry, file)
        section += self.passed_on(file)
        return section

    def entry(self, entry: lib.Entry, file: lib.File) -> nodes.section:
        """A section for one function or class, methods included."""
        section = nodes.section("", titled(entry.short), ids=[entry.name])
        section += index_of(entry, file)
        section += self.links(entry.name, file.path, entry.lines)
        section += self.body(entry, file)
        for member in entry.members:
            box = nodes.container("", ids=[member.name], classes=["lib-member"])
            section += [index_of(member, file), box]
            box += self.body(member, file)
        for one in (entry, *entry.members):
            domain = self.env.get_domain("py")
            domain.note_object(one.name, one.kind, one.name, location=section)
        return section

    def body(self, entry: lib.Entry, file: lib.File) -> Nodes:
        """Signature and docstring."""

        def known(name: str) -> str | None:
            return None if name in entry.parameters else self.known(name, file, entry)

        return [code(entry.signature, "python"), *prose(entry.doc, known)]

    def links(self, name: str, path: str, lines: tuple[int, int] | None) -> Nodes:
        """The line under a title: the source, and the chapter."""
        options = self.config.html_theme_options
        place = (
            f"{options['repository_url']}/blob/{options['repository_branch']}/{path}"
        )
        place += "#L{}-L{}".format(*lines) if lines else ""
        line = nodes.paragraph(classes=["lib-links"])
        line += nodes.reference("", "source", refuri=place, internal=False)
        if found := self.places.get(name):
            line += nodes.Text(" · shown in " if found.shown else " · first used in ")
            line += place_link(chapter=found.chapter, heading=found.heading)
        return [line]

    def known(self, name: str, file: lib.File, owner: lib.Entry | None = None) -> str:
        """The entry that a docstring of `file` means by `name`, or an empty string."""
        name = name.removesuffix("()")
        guesses = [name, f"{file.name}.{name}"]
        if owner:
            guesses += [
                f"{owner.name}.{name}",
                f"{owner.name.rpartition('.')[0]}.{name}",
            ]
        for guess in guesses:
            full = lib.full_name(guess, self.files)
            if full != (owner and owner.name) and (full in self.names):
                return full
        return ""

    def passed_on(self, file: lib.File) -> Nodes:
        """What a package offers that stands in its files."""
        if not file.path.endswith("__init__.py") or not file.imports:
            return []
        package = file.name.removeprefix("lib.")
        line = nodes.paragraph("", f"Names that can be called as {package}.NAME: ")
        for name in sorted(file.imports):
            line += name_link("", nodes.literal("", name), to=self.known(name, file))
            line += nodes.Text(", ")
        line[-1] = nodes.Text(".")
        return [line]


class LibraryFiles(SphinxDirective):
    """The table of all files, in the order in which chapters need them."""

    def run(self) -> Nodes:
        """One row for each file: its name and idea, and the chapter."""
        files, _, places = self.env.app.library
        note_sources(self.env)
        order = sorted(files.values(), key=lambda file: first_chapter(file, places))
        rows = []
        for file in order:
            place, cell = places.get(file.name), nodes.paragraph()
            if place:
                cell += place_link(chapter=place.chapter, heading="")
            link = name_link("", nodes.literal("", file.path), to=file.name)
            idea = nodes.paragraph(
                "", "", link, nodes.Text(" "), *words(file.idea, str)
            )
            rows += [[idea, cell]] if file.name != "lib" else []
        return [table(["file", "chapter"], rows)]


def first_chapter(file: lib.File, places: dict[str, lib.Place]) -> str:
    """What a file is sorted by; those that no chapter names come last."""
    return places[file.name].chapter if file.name in places else "~"


def note_sources(env: BuildEnvironment) -> None:
    """The page changes when the library or a chapter does."""
    root = Path(env.srcdir)
    for path in [*root.glob("lib/**/*.py"), *root.glob("chapters/*.ipynb")]:
        env.note_dependency(str(path))


def titled(text: str) -> nodes.title:
    """A section's title, as code."""
    return nodes.title("", "", nodes.literal("", text))


def code(text: str, language: str) -> nodes.literal_block:
    """A block of code."""
    return nodes.literal_block(text, text, language=language)


def index_of(entry: lib.Entry, file: lib.File) -> nodes.Node:
    """Its line in the index."""
    what = "constant" if entry.kind == "data" else entry.kind
    text = f"{entry.short} ({what} in {file.path})"
    return addnodes.index(entries=[("single", text, entry.name, "", None)])


def table(head: list[str], rows: list[list[nodes.Node]]) -> nodes.table:
    """A table with a line of headings."""
    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    titles = [nodes.paragraph("", word) for word in head]
    for kind, lines in ((nodes.thead, [titles]), (nodes.tbody, rows)):
        part = kind()
        for line in lines:
            part += nodes.row("", *(nodes.entry("", cell) for cell in line))
        group += part
    return nodes.table("", group, classes=["colwidths-auto"])


def prose(doc: str, known) -> Nodes:
    """A docstring as paragraphs, examples and tables; `known` tells names to link."""
    found = []
    for block in re.split(r"\n\s*\n", doc.strip()):
        if block.startswith(">>>"):
            found.append(code(block, "pycon"))
        elif re.match(r"=+  ", block):
            found.append(simple_table(block))
        elif block.startswith("    "):
            text = "\n".join(line[4:] for line in block.splitlines())
            found.append(code(text, "text"))
        elif block:
            found.append(nodes.paragraph("", "", *words(block, known)))
    return found


def words(text: str, known) -> Iterator[nodes.Node]:
    """Text with `code` and *emphasis*, code that names an entry as a link."""
    text = re.sub(r"\s+", " ", text)
    for part in re.split(r"(`[^`]+`|(?<!\w)\*[A-Za-z][^*`]+\*)", text):
        if part.startswith("`") and len(part) > 1:
            literal = nodes.literal("", part[1:-1])
            target = known(part[1:-1])
            yield name_link("", literal, to=target) if target else literal
        elif part.startswith("*") and part.endswith("*") and len(part) > 1:
            yield nodes.emphasis("", part[1:-1])
        else:
            yield nodes.Text(part)


def simple_table(block: str) -> nodes.table:
    """A table of two columns, as reStructuredText draws it."""
    lines = [line for line in block.splitlines() if not line.startswith("==")]
    (head, *rows) = [re.split(r"  +", line, maxsplit=1) for line in lines]
    cells = [
        [
            nodes.paragraph("", "", nodes.literal("", a)),
            nodes.paragraph("", "", *words(b, str)),
        ]
        for a, b in rows
    ]
    return table(head, cells)


def chapter_name(env: BuildEnvironment, chapter: str) -> str:
    """A chapter as readers call it: its number and its title."""
    number, title = int(Path(chapter).name[:2]), env.titles[chapter].astext()
    return f"chapter {number}, {title}" if "solutions" not in chapter else title


def anchor(env: BuildEnvironment, page: str, heading: str) -> str:
    """The anchor of the section of a page that has this heading, or no anchor."""
    plain = re.sub(r"[`*$]", "", heading)
    for link in env.tocs[page].findall(nodes.reference):
        if link.astext().replace("’", "'") == plain:
            return link["anchorname"].removeprefix("#")
    return ""


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links become links, now that every page is known."""
    objects, env = app.env.get_domain("py").objects, app.env
    files = {name: page for page, data in env.metadata.items()
             for name in data.get("library", [])}  # fmt: skip
    for link in list(doctree.findall(name_link)):
        to = link["to"]
        page = objects[to].docname if to in objects else files.get(to)
        new = link.children
        if page:
            new = [make_refnode(app.builder, docname, page, to, new)]
        link.replace_self(new)
    for link in list(doctree.findall(place_link)):
        page = link["chapter"]
        if page not in env.titles:  # not in the table of contents
            link.replace_self(nodes.literal("", page))
            continue
        where = anchor(env, page, link["heading"])
        text = "" if where and link.get("short") else chapter_name(env, page)
        text += f": {link['heading']}" if where and text else ""
        text = text or link["heading"]
        child = nodes.Text(re.sub(r"[`*]", "", text))
        link.replace_self(make_refnode(app.builder, docname, page, where, child))


def complete(app: Sphinx, env: BuildEnvironment) -> None:
    """Every file of the library stands on one page."""
    listed = [
        name for data in env.metadata.values() for name in data.get("library", [])
    ]
    for name in app.library[0].keys() | set(listed):
        if listed.count(name) != 1:
            path = name.replace(".", "/")
            logger.warning(
                f"{path} must be named on one page of reference/, and is on "
                f"{listed.count(name)}"
            )


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_directive("library", Library)
    app.add_directive("library-files", LibraryFiles)
    app.connect("builder-inited", read_library)
    app.connect("env-check-consistency", complete)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
