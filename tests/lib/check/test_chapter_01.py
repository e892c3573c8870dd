"""The checkers of chapter 1, tokens: right passes, wrong is told why."""

from itertools import pairwise

import torch

from lib.tokens import bpe
from tests.helpers.checkers import exercise_tests


def encode_in_order(word, merges, first=256, data=None):
    ids = list(word.encode()) if data is None else data
    for new, pair in enumerate(merges, start=first):
        ids = bpe.merge_pair(ids, pair, new)
    return ids


def encode_backwards(word, merges):
    ids = list(word.encode())
    for new in reversed(range(len(merges))):
        ids = bpe.merge_pair(ids, merges[new], 256 + new)
    return ids


def encode_from_the_left(word, merges):
    """Merge whatever stands first in the word, not what was learned first."""
    ids, ranks = list(word.encode()), {p: 256 + n for n, p in enumerate(merges)}
    while known := [p for p in pairwise(ids) if p in ranks]:
        ids = bpe.merge_pair(ids, known[0], ranks[known[0]])
    return ids


def encode_zero_based(word, merges):
    return [i - 256 if i > 255 else i for i in encode_in_order(word, merges)]


def fill(sequences, filler, left=False):
    longest = max(map(len, sequences))
    rows = [[filler] * (longest - len(s)) for s in sequences]
    both = zip(sequences, rows, strict=True)
    return torch.tensor([r + s if left else s + r for s, r in both])


def fill_in_place(sequences, filler):
    for s in sequences:
        s += [filler] * (4 - len(s))
    return torch.tensor(sequences)


def decode(ids, merges, first=256, errors="strict"):
    tokens = [bytes([byte]) for byte in range(256)]
    for one, other in merges:
        tokens.append(tokens[one] + tokens[other])
    return b"".join(tokens[i - first + 256 if i > 255 else i] for i in ids).decode(
        errors=errors
    )


def decode_one_by_one(ids, merges):
    return "".join(decode([i], merges, errors="replace") for i in ids)


def window(ids, start, time, later=1):
    return ids[start : start + time], ids[start + later : start + later + time]


RIGHT = {
    "pairs": {"an": 6, "na": 5, "ba": 3, "nd": 1, "da": 1},
    "encode": encode_in_order,
    "decode": decode,
    "capitals": 1.5,
    "pad": fill,
    "window": window,
}
WRONG = [
    ("pairs", {"ba": 2, "an": 4, "na": 3, "nd": 1, "da": 1}, "stands there twice"),
    ("pairs", {"ba": 3, "an": 3, "na": 3, "nd": 1, "da": 1}, "in a word twice"),
    ("pairs", {**RIGHT["pairs"], "ab": 2}, "inside one word: ab"),
    ("pairs", {"ba": 3, "an": 6, "na": 5}, "missing: da, nd"),
    ("pairs", {**RIGHT["pairs"], "na": 4}, "'na' does not occur 4 times"),
    ("pairs", [3, 6, 5, 1, 1], "should be a dict, but is of type list"),
    ("encode", lambda word, merges: list(word.encode()), "nothing is merged"),
    ("encode", encode_zero_based, "first merge makes id 256, since"),
    ("encode", lambda w, m: encode_in_order(w, m, first=257), "yours makes 257"),
    ("encode", encode_backwards, "learned first goes first"),
    ("encode", encode_from_the_left, "learned first goes first"),
    ("encode", lambda w, m: encode_in_order(w, m[:-1]), "last merge is not used"),
    (
        "encode",
        lambda w, m: [i for i in encode_in_order(w, m) if i != 257],
        "should become .*, but becomes",
    ),
    (
        "encode",
        lambda w, m: encode_in_order(w, m, data=[ord(c) for c in w]),
        "two bytes in UTF-8",
    ),
    ("decode", decode_one_by_one, "spread over two ids"),
    (
        "decode",
        lambda ids, m: decode(ids, m).encode().decode("latin-1"),
        "spread over two ids",
    ),
    ("decode", lambda ids, m: decode(ids[::-1], m), "stops with UnicodeDecodeError"),
    ("decode", lambda ids, m: decode(ids, m)[::-1], "turned around"),
    ("decode", lambda ids, m: decode(ids, m).replace("é", ""), "'é' is lost"),
    ("decode", lambda ids, m: decode(ids, m, first=257), "should become .*, but"),
    ("decode", lambda ids, m: decode(ids, m) or " ", "no ids should become no text"),
    ("decode", lambda ids, m: decode(ids, m).encode(), "a str, but is of type bytes"),
    ("capitals", 154, "more than ten times"),
    ("capitals", 0.8, "cannot fit capitals better"),
    ("capitals", 1, "as different to a merge"),
    ("capitals", 2.5, "at most 2.28"),
    ("capitals", 2.1, "taught some merges of capitals"),
    ("capitals", 1.2, "few of the 768 merges"),
    ("capitals", "more", "stops with ValueError"),
    ("pad", lambda s, p: fill(s, p, left=True), "stands on the left"),
    ("pad", lambda s, p: fill(s, 0), "always 0; use `pad`"),
    ("pad", lambda s, p: torch.tensor([r[:1] for r in s]), "cut to the shortest"),
    ("pad", fill_in_place, "the sequences that came in are changed"),
    ("pad", lambda s, p: fill(s, p).float(), "yours are torch.float32"),
    (
        "pad",
        lambda s, p: torch.where(fill(s, p) == 0, p, fill(s, p)),
        "0 is a real token",
    ),
    ("pad", lambda s, p: fill(s, p).flip(0), "but becomes .7, 8, 9, 6."),
    ("pad", lambda s, p: s, "should be a tensor, but is of type list"),
    ("window", lambda ids, s, t: ids[s : s + t], "a tuple, but is of type Tensor"),
    ("window", lambda ids, s, t: (ids[s : s + t],), "not 1"),
    ("window", lambda ids, s, t: window(ids, s, t - 1), "the window is one short"),
    ("window", lambda ids, s, t: window(ids, s - 1, t), "places count from 0"),
    ("window", lambda ids, s, t: window(ids, s, t)[::-1], "are swapped"),
    ("window", lambda ids, s, t: window(ids, s + 1, t), "window should be"),
    ("window", lambda ids, s, t: window(ids, s, t, later=0), "only have to copy"),
    ("window", lambda ids, s, t: window(ids[: s + t], s, t), "the last place has an"),
    ("window", lambda ids, s, t: window(ids, s, t, later=-1), "before their places"),
    ("window", lambda ids, s, t: window(ids, s, t, later=2), "answers should be"),
]


test_right, test_wrong, test_not_done, test_complete = exercise_tests(1, RIGHT, WRONG)
