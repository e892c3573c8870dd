"""What tests of several folders share: a book of their own, and Ctrl-C."""

import shutil
import signal
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


@pytest.fixture
def stop_button():
    """Ctrl-C as who types has it, here and in processes that are started here.

    A job in the background begins with Ctrl-C ignored, and so do those that it starts.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
