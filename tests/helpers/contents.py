"""The pages of the book, as its table of contents names them."""

from pathlib import Path

import yaml

from tools.address import pages

ROOT = Path(__file__).parents[2]


def contents(folder: Path = ROOT) -> list[str]:
    """Every page that `_toc.yml` names, in its order, the front page first."""
    return pages(yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8")))
