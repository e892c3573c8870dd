"""A book of its own for tests that move it, change it or clone it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def book(tmp_path: Path) -> dict[str, str]:
    """Variables under which git takes `lib` as it is now for the book's address.

    It is the release that the notebooks name, with its tag.
    """
    from tools.address import release
    from tools.elsewhere import standing_in

    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "lib", origin / "lib")
    shutil.copy(ROOT / "_config.yml", origin)
    git = ["git", "-C", origin, "-c", "user.name=n", "-c", "user.email=e"]
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "book"],
        ["tag", release(ROOT)],
    ):
        subprocess.run([*git, *command], check=True)
    return standing_in(origin, tmp_path / "book.git")
