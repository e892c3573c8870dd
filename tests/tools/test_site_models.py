"""The models of the hub that the site carries."""

from types import SimpleNamespace

import pytest

from lib.hub import pretrained
from tests.helpers.models import TINY
from tests.helpers.models_on_disk import write_gpt
from tools import site_models


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A build that goes to a folder, and a hub with a GPT and what is none."""
    hub = tmp_path / "hub"
    write_gpt("writes", hub, TINY)
    for end in ("safetensors", "json"):
        path = pretrained.FOLDER / f"review_encoder.{end}"
        (hub / path.name).symlink_to(path)
    monkeypatch.setattr(pretrained, "FOLDER", hub)
    return SimpleNamespace(
        outdir=tmp_path / "html", builder=SimpleNamespace(format="html")
    )


def test_every_gpt_is_copied_and_nothing_else(app):
    folder = app.outdir / site_models.FOLDER
    folder.mkdir(parents=True)
    (folder / "old.safetensors").touch()
    site_models.serve_models(app)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub = pretrained.FOLDER
    assert found == {
        name: (hub / name).read_bytes()
        for name in ("writes.safetensors", "writes.json")
    }


def test_other_builds_get_none(app):
    app.builder.format = "latex"
    site_models.serve_models(app)
    assert not app.outdir.exists()
