"""The pages of the book, as its table of contents names them."""

from pathlib import Path

import yaml

from tools.address import pages
from tools.library import unfolded

ROOT = Path(__file__).parents[2]


def contents(folder: Path = ROOT) -> list[str]:
    """Every page of `_toc.yml`, in its order, the front page first.

    Where it has an asterisk, the pages of the library stand one by one.
    """
    listed = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
    return pages(unfolded(listed, folder))
