"""The table of contents: numbers of chapters, and addresses that pages once had."""

import re
from pathlib import Path

import yaml

from tests.helpers.contents import contents
from tools.address import chapters

ROOT = Path(__file__).parents[2]


def test_the_sidebar_numbers_chapters_as_their_files_do():
    listed = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in listed["parts"] for entry in part["chapters"]]
    titles = {entry["file"]: entry.get("title", "") for entry in entries}
    for path in chapters(ROOT):
        number = int(path.name[:2])
        shown = titles[f"chapters/{path.stem}"]
        assert not number or re.match(rf"{number}\. [A-Z]", shown), shown


def test_old_addresses_lead_to_pages():
    """A page that moved leaves a page behind that leads to the new place."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    redirects = config["sphinx"]["config"]["redirects"]
    assert len(redirects) >= 18
    for old, new in redirects.items():
        assert old not in contents(), f"{old} is a page, and cannot lead elsewhere"
        target = Path(old).parent / new.removesuffix(".html")
        assert target.as_posix() in contents(), f"{old} leads to {new}"
