"""The pages of the book, as its table of contents names them."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def contents(folder: Path = ROOT) -> list[str]:
    """Every page that `_toc.yml` names, in its order, the front page first."""
    return _pages(yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8")))


def _pages(node) -> list[str]:
    if isinstance(node, list):
        return [page for child in node for page in _pages(child)]
    if not isinstance(node, dict):
        return []
    here = [node[key] for key in ("root", "file") if key in node]
    return here + [page for child in node.values() for page in _pages(child)]
