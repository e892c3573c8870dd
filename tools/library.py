"""What `lib/` offers, read from its sources without running them.

Signatures stay as they are written, so that shapes read as in the code; and for each
name we find where a chapter shows it, or first uses it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import nbformat

Definition = ast.FunctionDef | ast.ClassDef


@dataclass
class Entry:
    """One name: a class, a function, a method, or a constant."""

    name: str  # in full, as in lib.model.attention.causal_mask
    kind: str  # as Sphinx calls it: class, function, method, data
    signature: str  # as it is written, decorators included
    doc: str
    lines: tuple[int, int]  # first and last, counted from 1
    parameters: set[str] = field(default_factory=set)
    members: list["Entry"] = field(default_factory=list)

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rsplit(".", 1)[-1]


@dataclass
class File:
    """One file of the library: its idea, its names, and those that it imports."""

    name: str  # as in lib.model.attention
    path: str  # as in lib/model/attention.py
    doc: str
    entries: list[Entry]
    imports: dict[str, str]  # a name here -> its name in full

    @property
    def idea(self) -> str:
        """The first sentence of its docstring."""
        return re.sub(r"\s+", " ", self.doc.split("\n\n")[0])


@dataclass
class Place:
    """Where a chapter shows a name, or uses it."""

    chapter: str  # as in chapters/02_attention
    heading: str  # of the section
    shown: bool  # its source is printed there


def library(root: Path) -> dict[str, File]:
    """Every file of `lib/` by its name, in alphabetical order."""
    paths = sorted((root / "lib").rglob("*.py"))
    files = [read_file(path, path.relative_to(root).as_posix()) for path in paths]
    return {file.name: file for file in files}


def read_file(path: Path, place: str) -> File:
    """The public names of one file; `place` is its path as the book says it."""
    source = path.read_text(encoding="utf-8")
    name = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    tree, lines = ast.parse(source), source.splitlines()
    entries = [
        entry(node, lines, name) for node in tree.body if is_public(node)
    ] + list(constants(tree, lines, name))
    doc = ast.get_docstring(tree) or ""
    return File(name, place, doc, entries, dict(imports(tree)))


def is_public(node: ast.AST) -> bool:
    """To be used from outside; of the names like __iter__, those with a docstring."""
    if not isinstance(node, Definition):
        return False
    if re.fullmatch(r"__\w+__", node.name):
        described = ast.get_docstring(node) is not None
        return described and node.name not in ("__init__", "__post_init__")
    return not node.name.startswith("_")


def entry(node: Definition, lines: list[str], owner: str) -> Entry:
    """A function or class with what belongs to it."""
    doc, span = ast.get_docstring(node) or "", (first_line(node), node.end_lineno)
    found = Entry(f"{owner}.{node.name}", "class", head(node, lines), doc, span)
    if isinstance(node, ast.FunctionDef):
        found.kind = "function"
        found.parameters = {a.arg for a in ast.walk(node.args) if type(a) is ast.arg}
        return found
    found.signature = "\n".join([found.signature, *fields(node, lines)])
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name in MAKERS:
            found.doc += f"\n\n{ast.get_docstring(part) or ''}"
            if part.name == "__init__":
                found.signature += "\n" + head(part, lines, indent=4)
    found.members = [
        entry(part, lines, found.name) for part in node.body if is_public(part)
    ]
    for member in found.members:
        member.kind = "method"
    return found


MAKERS = ("__init__", "__post_init__")


def first_line(node: ast.stmt) -> int:
    """The line that it starts on, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min(part.lineno for part in (node, *decorators))


def head(node: Definition, lines: list[str], indent: int = 0) -> str:
    """What stands before the body, without its colon."""
    body = node.body[0]
    end = first_line(body)
    text = lines[first_line(node) - 1 : end]
    text[-1] = text[-1][: body.col_offset] if end == body.lineno else ""
    while re.fullmatch(r"\s*(#.*)?", text[-1]):  # what stands between head and body
        text.pop()
    text = [" " * indent + line[node.col_offset :] for line in text]
    return "\n".join(text).rstrip().removesuffix(":")


def fields(node: ast.ClassDef, lines: list[str]) -> Iterator[str]:
    """The fields that a class declares, with the comments beside them."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            yield from lines[part.lineno - 1 : part.end_lineno]


def constants(tree: ast.Module, lines: list[str], owner: str) -> Iterator[Entry]:
    """What is written in capitals, with the comment above it."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and re.match("[A-Z]", ast.unparse(node)):
            above = lines[: node.lineno - 1][::-1]
            comment = list(takewhile(lambda line: line.startswith("#"), above))[::-1]
            text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            doc = " ".join(line.removeprefix("#").strip() for line in comment)
            for name in re.findall(r"[A-Z]\w+", ast.unparse(node).split("=")[0]):
                where = (node.lineno - len(comment), node.end_lineno)
                yield Entry(f"{owner}.{name}", "data", text, doc, where)


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that come from elsewhere in `lib`, and what they are called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lib"):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def names(files: dict[str, File]) -> dict[str, Entry]:
    """Every entry by its full name, members included."""
    top = [entry for file in files.values() for entry in file.entries]
    return {e.name: e for entry in top for e in (entry, *entry.members)}


def full_name(name: str, files: dict[str, File]) -> str:
    """The name under which something is defined: packages pass names on."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        file, rest = files.get(".".join(parts[:cut])), parts[cut:]
        if file and rest and rest[0] in file.imports:
            return full_name(".".join([file.imports[rest[0]], *rest[1:]]), files)
        if file:
            break
    return name


def places(root: Path, files: dict[str, File]) -> dict[str, Place]:
    """Where chapters first show each name or, where none shows it, first use it."""
    found: dict[str, Place] = {}
    for path in sorted((root / "chapters").glob("*.ipynb")):
        chapter = path.relative_to(root).with_suffix("").as_posix()
        for name, heading, shown in mentions(path, files):
            # Who uses a method has used its class; a file is met with its first name.
            while name.startswith("lib."):
                known = found.get(name)
                if known is None or (shown and not known.shown):
                    found[name] = Place(chapter, heading, shown)
                name = name.rpartition(".")[0]
    return found


def mentions(path: Path, files: dict[str, File]) -> Iterator[tuple[str, str, bool]]:
    """Names of the library in a notebook's code: full name, heading, whether shown."""
    heading, here = "", {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
            heading = (re.findall(r"^#+ (.+)", text, re.MULTILINE) or [heading])[-1]
            continue
        code = [line for line in cell.source.splitlines() if line[:1] not in "!%"]
        tree = ast.parse("\n".join(code))
        here |= dict(imports(tree))
        shown = {id(part) for call in shows(tree) for part in call.args}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute):
                first, dot, rest = ast.unparse(node).partition(".")
                if first in here and re.fullmatch(r"[\w.]*", rest):
                    name = full_name(here[first] + dot + rest, files)
                    yield name, heading, id(node) in shown


def shows(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of `show`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "show":
            yield node
