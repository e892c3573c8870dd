"""The book's address stands in one place, `repository.url` in `_config.yml`.

python -m tools.address                              check that every use agrees
python -m tools.address https://github.com/you/book  move the book there

Moving it where it is already mends the first cells and the links of the notebooks: a
link to another page is that of the site, since a relative one is dead in Colab. The
build of the site turns it back (tools/offline_site.py).
"""

import posixpath
import re
import sys
from pathlib import Path

import nbformat
import yaml

TEXTS = (
    "README.md",
    "index.md",
    "teachers.md",
    "CITATION.cff",
    "pyproject.toml",
    "_config.yml",
)
# A Markdown link to a file: `](../02_attention.ipynb#masks)`.
RELATIVE = re.compile(r"(\])\((?!https?://|#)([^)\s]+)\)")


def address(root: Path) -> str:
    """The repository's address, as `_config.yml` has it."""
    return yaml.safe_load((root / "_config.yml").read_text())["repository"]["url"]


def site(url: str) -> str:
    """Where GitHub serves the pages of the repository at this address."""
    owner, name = url.removeprefix("https://github.com/").split("/")
    return f"https://{owner}.github.io/{name}"


def page_link(url: str, notebook: str, target: str) -> str:
    """A relative link of a notebook to another, as one that also works in Colab."""
    path, *anchor = posixpath.normpath(
        posixpath.join(posixpath.dirname(notebook), target)
    ).split("#")
    page = posixpath.splitext(path)[0]
    return "#".join([f"{site(url)}/{page}.html", *anchor])


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
    """One line for each first cell, Colab link or relative link that is wrong."""
    url, wrong = address(root), []
    for path in notebooks(root):
        name = path.relative_to(root).as_posix()
        cells = nbformat.read(path, as_version=4).cells
        code = next(cell.source for cell in cells if cell.cell_type == "code")
        if code != first_cell(url):
            wrong.append(f"{name}: the first code cell is not that of {url}")
        if colab_link(url, name) not in cells[0].source.splitlines():
            wrong.append(f"{name}: the header has no line {colab_link(url, name)}")
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        for _, target in RELATIVE.findall("\n".join(texts)):
            wrong.append(f"{name}: {target} is dead in Colab, see tools/address.py")
    return wrong


def moved(text: str, old: str, new: str, notebook: str) -> str:
    """A Markdown cell with every address new, and no link relative."""
    text = text.replace(colab_link(old, notebook), colab_link(new, notebook))
    text = text.replace(site(old) + "/", site(new) + "/")
    return RELATIVE.sub(lambda m: f"{m[1]}({page_link(new, notebook, m[2])})", text)


def move(root: Path, new: str) -> None:
    """Rewrite every use of the address; ValueError when `new` is not on GitHub."""
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", new):
        raise ValueError(f"expected https://github.com/OWNER/NAME, got {new}")
    old = address(root)
    for path in [root / name for name in TEXTS]:
        text = path.read_text().replace(old, new).replace(site(old), site(new))
        path.write_text(text)
    for path in notebooks(root):
        notebook = nbformat.read(path, as_version=4)
        name = path.relative_to(root).as_posix()
        for cell in (c for c in notebook.cells if c.cell_type == "markdown"):
            cell.source = moved(cell.source, old, new, name)
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
