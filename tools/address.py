"""The book's address stands in one place, `repository.url` in `_config.yml`.

Its version is that of `pyproject.toml`, and the first cells name it as well.

python -m tools.address                              check that every use agrees
python -m tools.address https://github.com/you/book  move the book there

Moving it where it is already mends the first cells and the links of the notebooks: a
link to another page is that of the site, since a relative one is dead in Colab. The
build of the site turns it back (tools/offline_site.py).
"""

import posixpath
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode, ValidationError

TEXTS = (
    "README.md",
    "index.md",
    "teachers.md",
    "CITATION.cff",
    "pyproject.toml",
    "_config.yml",
)
# A Markdown link to a file: `](../03_attention.ipynb#masks)`.
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


def release(root: Path) -> str:
    """The tag of the release that this state of the book is, or will be."""
    package = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return f"v{package['project']['version']}"


def first_cell(url: str, tag: str) -> str:
    """The first code cell of every notebook: find `lib`, or clone it, and start.

    A saved notebook goes on with the library that it was written for: the tag of its
    release is cloned, and the newest state only where there is no such tag yet.
    """
    folder = url.rsplit("/", 1)[-1]
    places = f'(*("../" * n for n in range(9)), "{folder}/")'
    clone = f"git clone -q --depth 1 {url}"
    tagged = f"{clone} -c advice.detachedHead=false -b {tag} && echo Library: {tag}"
    newest = f"{clone} && echo Library: the newest, as there is no {tag} yet"
    sentence = f"git could not fetch the library: no network, or half of {folder} here?"
    return f"""import os, sys

near = [p for p in {places} if os.path.exists(p + "lib/notebook.py")]  # fmt: skip
near or os.system("{tagged} || ({newest})") and sys.exit("{sentence}")  # fmt: skip
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
    """Every chapter, then every solution, in order.

    A notebook that `_toc.yml` does not name is somebody's own, and left alone.
    """
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    named = [root / f"{page}.ipynb" for page in pages(contents)]
    found = [path for path in named if path.exists()]
    return sorted(found, key=lambda path: (path.parent.name == "solutions", path))


def chapters(root: Path) -> list[Path]:
    """Every chapter, in order."""
    return [path for path in notebooks(root) if path.parent.name == "chapters"]


def pages(contents: dict | list | str) -> list[str]:
    """Every page that a table of contents names, in its order, the front page first."""
    if isinstance(contents, list):
        return [page for entry in contents for page in pages(entry)]
    if not isinstance(contents, dict):
        return []
    here = [contents[key] for key in ("root", "file") if key in contents]
    return here + [page for entry in contents.values() for page in pages(entry)]


def read_notebook(path: Path) -> NotebookNode:
    """The notebook of a file; ValueError that names the file when it holds none.

    nbformat raises an error of another kind for each way to be broken, without a name.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (AttributeError, TypeError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ValueError(f"{path} is no notebook: {reason}") from error


def disagreements(root: Path) -> list[str]:
    """One line for each first cell, Colab link or relative link that is wrong."""
    url = address(root)
    tag = release(root)
    wrong = []
    for path in notebooks(root):
        name = path.relative_to(root).as_posix()
        cells = read_notebook(path).cells
        code = next(cell.source for cell in cells if cell.cell_type == "code")
        if code != first_cell(url, tag):
            wrong.append(f"{name}: the first code cell is not that of {url} at {tag}")
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
        notebook = read_notebook(path)
        name = path.relative_to(root).as_posix()
        for cell in (c for c in notebook.cells if c.cell_type == "markdown"):
            cell.source = moved(cell.source, old, new, name)
        code = next(c for c in notebook.cells if c.cell_type == "code")
        code.source = first_cell(new, release(root))
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
