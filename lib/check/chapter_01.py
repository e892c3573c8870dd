"""The exercises of chapter 1: pairs, merges, one-hot vectors, padding, cosines."""

from collections.abc import Callable, Iterator

import torch

from lib.check.verdict import (
    call,
    checker,
    of_kind,
    off,
    random_numbers,
    same,
    wrong_shape,
)
from lib.tokens import bpe


@checker
def pairs(answer: object) -> Iterator[str]:
    """How often each pair of letters stands in "banana", "banana" and "bandana"."""
    true = {"ba": 3, "an": 6, "na": 5, "nd": 1, "da": 1}
    answer = of_kind(answer, dict)
    if strays := sorted(set(answer) - set(true)):
        yield f"these are no pairs of neighbors inside one word: {', '.join(strays)}."
    if missing := sorted(set(true) - set(answer)):
        yield f"these pairs are missing: {', '.join(missing)}."
    if answer == {"ba": 2, "an": 4, "na": 3, "nd": 1, "da": 1}:
        yield "banana stands there twice, and its pairs count twice."
    if answer == {"ba": 3, "an": 3, "na": 3, "nd": 1, "da": 1}:
        yield "a pair that stands in a word twice counts twice."
    for pair, count in true.items():
        if answer[pair] != count:
            yield f"{pair!r} does not occur {answer[pair]} times."


@checker
def merge(answer: Callable) -> Iterator[str]:
    """`answer(ids, pair, new)`: the list of ids with `new` wherever `pair` stood."""
    ids = [5, 1, 2, 3, 1, 2, 2, 1]
    pair = (1, 2)
    true = bpe.merge_pair(ids, pair, 9)
    given = ids.copy()
    result = call(answer, given, pair, 9, kind=list)
    if given != ids:
        yield "the list that came in is changed; build a new one."
    if result == [5, 9, 3, 1, 2, 2, 1]:
        yield "only the first place is merged; the pair stands there twice."
    if result == true[:-1]:
        yield "the last id is lost; it has no right neighbor, but it stays."
    if result == [5, 9, 2, 3, 9, 2, 2, 1]:
        yield "the second id of the pair is still there; `new` stands for both."
    if 9 in result and pair[0] not in result:
        yield "an id of the pair that stands alone stays as it is."
    if result != true:
        yield f"{ids} with {pair} merged into 9 should be {true}, but is {result}."
    if (odd := call(answer, [1, 1, 1], (1, 1), 9, kind=list)) != [9, 1]:
        yield f"[1, 1, 1] with (1, 1) merged should be [9, 1], but is {odd}."


@checker
def encode(answer: Callable) -> Iterator[str]:
    """`answer(word, merges)`: the ids of a word, by merges in the order learned."""
    merges = [(98, 99), (97, 98), (97, 256), (100, 100), (259, 99)]
    word = "abcabcddcab"
    true = _in_order(word, merges)
    result = call(answer, word, merges, kind=list)
    if result == list(word.encode()):
        yield "nothing is merged."
    if result == [token - 256 if token > 255 else token for token in true]:
        yield "the first merge makes id 256, since 0 to 255 are the bytes."
    if result == _in_order(word, merges, first=257):
        yield "the first merge makes id 256; yours makes 257."
    if result[:2] == [257, 99]:
        yield "the merge that was learned first goes first, wherever it stands."
    if result == _in_order(word, merges[:-1]):
        yield "the last merge is not used."
    if result != true:
        yield f"{word!r} should become {true}, but becomes {result}."
    if call(answer, "é", [], kind=list) != [195, 169]:
        yield "'é' has two bytes in UTF-8, 195 and 169: start from bytes."


def _in_order(word: str, merges: list[bpe.Pair], first: int = bpe.BYTES) -> list[int]:
    ids = list(word.encode())
    for new, pair in enumerate(merges, start=first):
        ids = bpe.merge_pair(ids, pair, new)
    return ids


@checker
def one_hot(answer: Callable) -> Iterator[str]:
    """`answer(ids, vocab)`: a row for each id, a 1 in its column, decimal numbers."""
    ids = torch.tensor([2, 0, 3])
    true = torch.eye(5)[ids]
    result = call(answer, ids, 5)
    if result.shape == (5, 3):
        yield "each id should have a row, but has a column."
    if result.shape == (3, 4):
        yield "the largest id does not say how large the vocabulary is; `vocab` does."
    yield from wrong_shape(result, true)
    if not result.is_floating_point():
        yield f"a matrix of decimal numbers cannot multiply {result.dtype}; convert."
    if same(result, torch.eye(5)[ids - 1]):
        yield "ids count from 0; yours are off by one."
    if not same(result.sum(1), torch.ones(3)):
        yield "each row should hold a single 1."
    if not same(result, true):
        yield "the row of id 2 should have its 1 in column 2."


@checker
def pad(answer: Callable) -> Iterator[str]:
    """`answer(sequences, pad)`: whole numbers (batch, time), filled up on the right."""
    sequences = [[7, 8, 9, 6], [5], [3, 0]]
    filler = 1
    true = torch.tensor([[7, 8, 9, 6], [5, 1, 1, 1], [3, 0, 1, 1]])
    given = [list(sequence) for sequence in sequences]
    result = call(answer, given, filler)
    if given != sequences:
        yield "the sequences that came in are changed; build new ones."
    if result.size(-1) == 1:
        yield "all are cut to the shortest; fill up to the longest."
    yield from wrong_shape(result, true)
    if result.is_floating_point():
        yield f"ids are whole numbers, and yours are {result.dtype}."
    if torch.equal(result, torch.tensor([[7, 8, 9, 6], [1, 1, 1, 5], [1, 1, 3, 0]])):
        yield "the padding stands on the left; here it goes to the right."
    if torch.equal(result, torch.tensor([[7, 8, 9, 6], [5, 0, 0, 0], [3, 0, 0, 0]])):
        yield "the filler is always 0; use `pad`, since 0 can be a real token."
    if torch.equal(result, torch.tensor([[7, 8, 9, 6], [5, 1, 1, 1], [3, 1, 1, 1]])):
        yield "an id of 0 is a real token, and yours is gone."
    if not torch.equal(result, true):
        yield f"[3, 0] should become [3, 0, 1, 1], but becomes {result[2].tolist()}."


@checker
def cosine(answer: Callable) -> Iterator[str]:
    """`answer(vector, table)`: the cosine between a vector and each row of a table."""
    vector = random_numbers(4)
    table = random_numbers(3, 4)
    dots = table @ vector
    long = vector.norm()
    rows = table.norm(dim=1)
    true = dots / (long * rows)
    result = call(answer, vector, table)
    yield from wrong_shape(result, true)
    if same(result, dots):
        yield "these are dot products; divide by the lengths of both vectors."
    if same(result, dots / rows) or same(result, dots / long):
        yield "you divided by one length; divide by both."
    if same(result, dots / (long * rows) ** 2):
        yield "you divided by the squared lengths; take square roots."
    if same(result, dots / (long * table.norm())):
        yield "each row has a length of its own; yours is that of the whole table."
    if same(result, 1 - true):
        yield "this is a distance; the cosine is 1 for the same direction."
    yield from off(result, true)
