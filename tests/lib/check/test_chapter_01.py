"""The checkers of chapter 1, tokens and vectors: right passes, wrong is told why."""

from itertools import pairwise

import pytest
import torch

from lib.tokens import bpe
from tests.helpers.checkers import (
    assert_complete,
    assert_not_done,
    assert_right,
    assert_wrong,
)


def merge_first_only(ids, pair, new):
    at = next(i for i in range(len(ids) - 1) if tuple(ids[i : i + 2]) == pair)
    return [*ids[:at], new, *ids[at + 2 :]]


def merge_in_place(ids, pair, new):
    ids[:] = bpe.merge_pair(ids, pair, new)
    return ids


def merge_keeping_the_second(ids, pair, new):
    found = [tuple(ids[i : i + 2]) == pair for i in range(len(ids))]
    return [new if here else token for token, here in zip(ids, found, strict=True)]


def merge_from_the_right(ids, pair, new):
    return bpe.merge_pair(ids[::-1], pair[::-1], new)[::-1]


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


def cosine(v, table):
    return table @ v / (v.norm() * table.norm(dim=1))


RIGHT = {
    "pairs": {"an": 6, "na": 5, "ba": 3, "nd": 1, "da": 1},
    "merge": bpe.merge_pair,
    "encode": encode_in_order,
    "one_hot": lambda ids, vocab: torch.nn.functional.one_hot(ids, vocab).float(),
    "pad": fill,
    "cosine": cosine,
}
WRONG = [
    ("pairs", {"ba": 2, "an": 4, "na": 3, "nd": 1, "da": 1}, "stands there twice"),
    ("pairs", {"ba": 3, "an": 3, "na": 3, "nd": 1, "da": 1}, "in a word twice"),
    ("pairs", {**RIGHT["pairs"], "ab": 2}, "inside one word: ab"),
    ("pairs", {"ba": 3, "an": 6, "na": 5}, "missing: da, nd"),
    ("pairs", {**RIGHT["pairs"], "na": 4}, "'na' does not occur 4 times"),
    ("pairs", [3, 6, 5, 1, 1], "should be a dict, but is of type list"),
    ("merge", merge_first_only, "only the first place"),
    ("merge", merge_in_place, "the list that came in is changed"),
    ("merge", lambda ids, p, n: bpe.merge_pair(ids, p, n)[:-1], "the last id is lost"),
    ("merge", merge_keeping_the_second, "stands for both"),
    ("merge", lambda ids, p, n: [n if i == 1 else i for i in ids], "stands alone"),
    ("merge", lambda ids, p, n: ids[::-1], "should be .*, but is"),
    ("merge", merge_from_the_right, r"should be \[9, 1\], but is \[1, 9\]"),
    ("merge", lambda ids, p, n: tuple(ids), "should be a list, but is of type tuple"),
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
    ("one_hot", lambda ids, v: torch.eye(v)[:, ids], "but has a column"),
    ("one_hot", lambda ids, v: torch.eye(ids.max() + 1)[ids], "`vocab` does"),
    ("one_hot", lambda ids, v: torch.eye(v).long()[ids], "cannot multiply torch.int64"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids - 1], "off by one"),
    ("one_hot", lambda ids, v: torch.ones(v, v)[ids], "a single 1"),
    ("one_hot", lambda ids, v: torch.eye(v)[ids].flip(0), "1 in column 2"),
    ("one_hot", lambda ids, v: torch.eye(v), "shape should be"),
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
    ("cosine", lambda v, t: t @ v, "these are dot products"),
    ("cosine", lambda v, t: t @ v / v.norm(), "divided by one length"),
    ("cosine", lambda v, t: cosine(v, t) / v.norm() / t.norm(dim=1), "squared lengths"),
    ("cosine", lambda v, t: t @ v / v.norm() / t.norm(), "a length of its own"),
    ("cosine", lambda v, t: 1 - cosine(v, t), "this is a distance"),
    ("cosine", lambda v, t: cosine(v, t) + 1, "differ .* by up to 1.000"),
    ("cosine", lambda v, t: cosine(v, t)[:, None], "shape should be"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    assert_right(name, RIGHT[name])


@pytest.mark.parametrize("name, answer, says", WRONG)
def test_wrong_answers_are_told_what_is_wrong(name, answer, says):
    assert_wrong(name, answer, says)


@pytest.mark.parametrize("name", RIGHT)
def test_an_exercise_not_yet_done_says_so(name):
    assert_not_done(name, RIGHT[name])


def test_every_exercise_has_a_right_and_three_wrong_answers():
    assert_complete(1, RIGHT, WRONG)
