"""A page that can import the site's scripts, served with no network beside it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.chromium import chromium, serve

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A page with the scripts under `_static`, and the folder of its models."""
    root = tmp_path_factory.mktemp("page")
    shutil.copytree(ASSETS, root / "_static")
    models = root / "_static" / "models"
    models.mkdir()
    (root / "index.html").write_text("<!doctype html><title>a</title>")
    with chromium() as found:
        if found is None:
            pytest.skip("needs a browser")
        with serve(root) as address:
            page = found.new_page()
            page.goto(f"{address}index.html")
            yield SimpleNamespace(page=page, models=models, run=page.evaluate)
