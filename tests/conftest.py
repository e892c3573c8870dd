"""One thread for tiny tensors; every corpus in the cache before any notebook asks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from lib.data import corpora
from tools.elsewhere import standing_in

ROOT = Path(__file__).parents[1]

settings.register_profile("book", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("book")
torch.set_num_threads(1)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fetch before the workers start: no notebook must show a download's progress."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        try:
            corpora.fetch()
        except corpora.CorpusError as error:
            session.config.issue_config_time_warning(
                UserWarning(str(error).splitlines()[0]), stacklevel=2
            )


@pytest.fixture
def book(tmp_path: Path) -> dict[str, str]:
    """Variables under which git takes `lib` as it is now for the book's address."""
    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "lib", origin / "lib")
    shutil.copy(ROOT / "_config.yml", origin)
    git = ["git", "-C", origin, "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "book"]):
        subprocess.run([*git, *words], check=True)
    return standing_in(origin, tmp_path / "book.git")


def pytest_terminal_summary(terminalreporter):
    """Print the tables that tests recorded: with many workers, nothing else is seen."""
    for report in terminalreporter.getreports("passed"):
        for name, table in report.user_properties:
            if name == "table" and report.when == "call":
                terminalreporter.write_line(f"\n{report.nodeid}\n{table}")
