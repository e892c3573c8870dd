"""The book's address stands in one place, `repository.url` in `_config.yml`.

python -m tools.address                              check that every use agrees
python -m tools.address https://github.com/you/book  move the book there
"""

import re
import sys
from pathlib import Path

import nbformat
import yaml

TEXTS = ("README.md", "index.md", "CITATION.cff", "pyproject.toml", "_config.yml")


def address(root: Path) -> str:
    """The repository's address, as `_config.yml` has it."""
    return yaml.safe_load((root / "_config.yml").read_text())["repository"]["url"]


def first_cell(url: str) -> str:
    """The first code cell of every notebook: find `lib`, or clone it, and start."""
    folder = url.rsplit("/", 1)[-1]
    places = f'(*("../" * n for n in range(9)), "{folder}/")'
    sentence = "The book's library is not here and git could not fetch it: no network?"
    return f"""import os, sys

near = [p for p in {places} if os.path.exists(p + "lib/notebook.py")]  # fmt: skip
near or os.system("git clone --depth 1 {url}") and sys.exit("{sentence}")  # fmt: skip
sys.path[:0] = map(os.path.abspath, near or ["{folder}"])
from lib.notebook import start

device = start()"""


def colab_link(url: str, notebook: str) -> str:
    """The line of a notebook's header that opens it in Colab."""
    where = url.removeprefix("https://github.com/")
    return (
        "- [Open in Colab](https://colab.research.google.com/github/"
        f"{where}/blob/main/{notebook})"
    )


def notebooks(root: Path) -> list[Path]:
    """Every chapter, then every solution, in order."""
    chapters = root / "chapters"
    return sorted(chapters.glob("*.ipynb")) + sorted(chapters.glob("solutions/*.ipynb"))


def disagreements(root: Path) -> list[str]:
    """One line for each notebook whose first cell or Colab link disagrees."""
    url, wrong = address(root), []
    for path in notebooks(root):
        name = path.relative_to(root).as_posix()
        cells = nbformat.read(path, as_version=4).cells
        code = next(cell.source for cell in cells if cell.cell_type == "code")
        if code != first_cell(url):
            wrong.append(f"{name}: the first code cell is not that of {url}")
        if colab_link(url, name) not in cells[0].source.splitlines():
            wrong.append(f"{name}: the header has no line {colab_link(url, name)}")
    return wrong


def move(root: Path, new: str) -> None:
    """Rewrite every use of the address; ValueError when `new` is not on GitHub."""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", new):
        raise ValueError(f"expected https://github.com/OWNER/NAME, got {new}")
    old = address(root)
    for path in [root / name for name in TEXTS]:
        path.write_text(path.read_text().replace(old, new))
    for path in notebooks(root):
        notebook = nbformat.read(path, as_version=4)
        name = path.relative_to(root).as_posix()
        header = notebook.cells[0]
        header.source = header.source.replace(
            colab_link(old, name), colab_link(new, name)
        )
        next(c for c in notebook.cells if c.cell_type == "code").source = first_cell(
            new
        )
        nbformat.write(notebook, path)


def main(arguments: list[str]) -> int:
    root = Path.cwd()
    for new in arguments:
        move(root, new)
    wrong = disagreements(root)
    print("\n".join(wrong) or f"every use agrees with {address(root)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
