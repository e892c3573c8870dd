"""What `lib/` offers, in the order of its folders, and where chapters show it."""

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.address import chapters, read_notebook

ROOT = Path(__file__).parents[1]
PAGES = "reference/*"  # in the table of contents: a page for each part of the library


@dataclass
class Place:
    """Where a chapter shows a name, or uses it."""

    chapter: str  # as in chapters/03_attention
    heading: str  # of the section
    shown: bool  # its source is printed there


def packages(root: Path) -> list[str]:
    """The folders and single files of `lib/`, those that others import first.

    The order is that of the layers in `pyproject.toml`; what is not named there is
    last.
    """
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    order = [re.sub(r"[()]|lib\.", "", layer) for layer in reversed(layers)]
    paths = [*root.glob("lib/*/__init__.py"), *root.glob("lib/*.py")]
    found = {module_name(root, path).removeprefix("lib.") for path in paths} - {"lib"}
    return [n for n in order if n in found] + sorted(found.difference(order))


def modules(root: Path, package: str) -> list[str]:
    """A folder of `lib/` and its files, in the order of its docstring's table."""
    folder = root / "lib" / package
    if not folder.is_dir():
        return [f"lib.{package}"]
    listed = (folder / "__init__.py").read_text(encoding="utf-8")
    paths = sorted(folder.rglob("*.py"), key=lambda path: rank(path, listed))
    names = [module_name(root, path) for path in paths]
    return sorted(names, key=f"lib.{package}".__ne__)  # the folder itself first


def rank(path: Path, listed: str) -> tuple[int, str]:
    """Where a table of files names a file; after all others if it does not."""
    place = listed.find(f"\n{path.name} ")
    return place if place >= 0 else len(listed), path.as_posix()


def module_name(root: Path, path: Path) -> str:
    """`lib.model.attention` of a path."""
    inside = path.relative_to(root).with_suffix("").as_posix()
    return inside.removesuffix("/__init__").replace("/", ".")


def unfolded(contents: Any, root: Path) -> Any:
    """A table of contents in which the pages of the library stand one by one."""
    if isinstance(contents, dict):
        return {key: unfolded(value, root) for key, value in contents.items()}
    if not isinstance(contents, list):
        return contents
    return [
        page
        for entry in contents
        for page in (
            [{"file": f"reference/{name}"} for name in packages(root)]
            if entry == {"glob": PAGES}
            else [unfolded(entry, root)]
        )
    ]


def full_name(name: str, root: Path = ROOT) -> str:
    """The name under which something is defined: folders pass names on."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        given = passed_on(root / "/".join(parts[:cut]))
        if given is not None:
            first, *rest = parts[cut:]
            known = first in given
            return full_name(".".join([given[first], *rest]), root) if known else name
    return name


@functools.cache
def passed_on(path: Path) -> dict[str, str] | None:
    """What a file of the library imports from others; None where there is no file."""
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.exists():
            return dict(imports(ast.parse(file.read_text(encoding="utf-8"))))
    return None


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that come from elsewhere in `lib`, and what they are called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lib"):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


@functools.cache
def places(root: Path) -> dict[str, Place]:
    """Where chapters first show each name or, where none shows it, first use it."""
    found: dict[str, Place] = {}
    for path in chapters(root):
        chapter = path.relative_to(root).with_suffix("").as_posix()
        for name, heading, shown in mentions(path):
            # Who uses a method has used its class; a file is met with its first name.
            while name.startswith("lib."):
                known = found.get(name)
                if known is None or (shown and not known.shown):
                    found[name] = Place(chapter, heading, shown)
                name = name.rpartition(".")[0]
    return found


def mentions(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Names of the library in a notebook's code: full name, heading, whether shown."""
    heading = ""
    here = {}
    for cell in read_notebook(path).cells:
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
                    name = full_name(here[first] + dot + rest)
                    name = re.sub(r"(\.[A-Z][A-Z_]+)\..+", r"\1", name)  # a constant
                    yield name, heading, id(node) in shown


def shows(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of `show`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "show":
            yield node
