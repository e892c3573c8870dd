"""Packages: the table in each docstring has what is in the folder; tests mirror it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lib

LIB = Path(lib.__file__).parent
TESTS = Path(__file__).parent
PACKAGES = sorted(path.parent for path in LIB.rglob("*/__init__.py"))


def table(package: Path) -> list[str]:
    """What the docstring lists: modules, and folders with a slash."""
    source = (package / "__init__.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source))
    return re.findall(r"^(\w+(?:\.py|/)) ", docstring, re.MULTILINE)


def imports(path: Path, package: str) -> Iterator[str]:
    """The full names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            start = package if node.level else ""
            module = ".".join(filter(None, [start, node.module]))
            yield from (f"{module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_its_table_names_what_is_there(package):
    """Every module, and every folder that is a package, once."""
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert sorted(table(package)) == sorted(modules | folders)


@pytest.mark.parametrize("name", ["model", "train"])
def test_each_file_imports_only_files_above_it(name):
    """The order is that of the table in the docstring."""
    package, above = LIB / name, set()
    for row in table(package):
        above.add(row.removesuffix(".py").removesuffix("/"))
        for path in package.glob(f"{row}**/*.py" if row.endswith("/") else row):
            names = imports(path, f"lib.{name}")
            own = [n.split(".") for n in names if n.startswith(f"lib.{name}.")]
            assert {parts[2] for parts in own} <= above, path


def test_each_file_has_a_file_of_tests():
    """In the same place; what starts a folder or a program is tested elsewhere."""
    files = {path.relative_to(LIB) for path in LIB.rglob("*.py")}
    named = {path for path in files if not path.name.startswith("__")}
    expected = {path.with_name(f"test_{path.name}") for path in named}
    missing = expected - {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert len(expected) > 80 and not missing, sorted(missing)
