"""The library as a wheel: built from the checkout, installed elsewhere, imported."""

import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lib

ROOT = Path(__file__).parents[2]
IMPORT = """
import importlib, pathlib, sys
sys.path[:0] = [sys.argv[1]]
for name in sys.argv[2:]:
    file = importlib.import_module(name).__file__
    assert file.startswith(sys.argv[1]), file
"""


@pytest.mark.processes
def test_a_wheel_has_every_package_and_its_files(tmp_path):
    book, place = tmp_path / "book", tmp_path / "elsewhere"
    for name in ("lib", "tests/helpers", "tools"):
        shutil.copytree(
            ROOT / name, book / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, book)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    alone = ["--no-deps", "--no-index"]
    built = [*pip, "wheel", book, *alone, "--no-build-isolation", "-w", tmp_path]
    subprocess.run(built, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = [*pip, "install", *alone, "--target", place, wheel]
    subprocess.run(installed, check=True, capture_output=True)
    files = {p.relative_to(book).as_posix() for p in (book / "lib").rglob("*")}
    there = {p.relative_to(place).as_posix() for p in (place / "lib").rglob("*")}
    there = {name for name in there if "__pycache__" not in name}
    assert there == files
    assert {path.name for path in place.iterdir() if path.suffix != ".dist-info"} == {
        "lib"
    }
    names = [name for _, name, _ in pkgutil.walk_packages(lib.__path__, "lib.")]
    command = [sys.executable, "-c", IMPORT, place, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not done.returncode, done.stderr
