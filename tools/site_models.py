"""A local Sphinx extension: the models that a page can wake.

Every GPT of `lib.hub` is copied into the site, weights and card, beside the scripts of
`assets/` that read them. No page loads one before a reader asks for it.
"""

import shutil
from pathlib import Path

from sphinx.application import Sphinx

from lib.hub import pretrained

FOLDER = "_static/models"  # where assets/worker.js looks


def serve_models(app: Sphinx) -> None:
    """Copy them before pages are written; what was there before goes."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir, FOLDER)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in pretrained.names("gpt", pretrained.FOLDER):
        for ending in ("safetensors", "json"):
            shutil.copy2(pretrained.FOLDER / f"{name}.{ending}", target)


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("builder-inited", serve_models)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
