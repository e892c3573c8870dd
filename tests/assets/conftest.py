"""A page that can import the site's scripts, served with no network beside it."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from tools.chromium import Quiet, chromium, serve

ASSETS = Path(__file__).parents[2] / "assets"


class Counted(Quiet):
    """Notes what it was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """As it is."""
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A page with the scripts under `_static`, and the folder of its models.

    `asked` are the files that the server gave, `address` is the server's.
    """
    root = tmp_path_factory.mktemp("page")
    shutil.copytree(ASSETS, root / "_static")
    models = root / "_static" / "models"
    models.mkdir()
    (root / "index.html").write_text("<!doctype html><title>a</title>")
    with chromium() as found:
        if found is None:
            pytest.skip("needs a browser")
        with serve(root, Counted) as address:
            page = found.new_page()
            page.goto(f"{address}index.html")
            yield SimpleNamespace(
                page=page,
                models=models,
                run=page.evaluate,
                root=root,
                address=address,
                asked=Counted.asked,
            )
