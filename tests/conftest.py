"""One thread for tiny tensors; every corpus in the cache before any notebook asks."""

import os

import pytest
import torch
from hypothesis import settings

from lib import corpora

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


def pytest_terminal_summary(terminalreporter):
    """Print the tables that tests recorded: with many workers, nothing else is seen."""
    for report in terminalreporter.getreports("passed"):
        for name, table in report.user_properties:
            if name == "table" and report.when == "call":
                terminalreporter.write_line(f"\n{report.nodeid}\n{table}")
