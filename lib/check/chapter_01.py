"""The exercises of chapter 1: pairs, ids and back, capitals, padding, windows."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from lib.check.verdict import call, checker, of_kind, wrong_shape
from lib.tokens import bpe
from lib.tokens.tokenizer import BytePairTokenizer

CAPITALS = 1.54  # times as many tokens for the held-out plays; chapter 1 measures it
NO_MERGES = 2.28  # and if no merge fitted at all: 5.61 / 2.46 tokens a word


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
def decode(answer: Callable) -> Iterator[str]:
    """`answer(ids, merges)`: the text of some ids, by merges in the order learned."""
    merges = [(98, 99), (97, 256), (195, 169), (257, 258)]
    ids = [259, 97, 258, 257, 195, 169]
    tokens = BytePairTokenizer(merges)
    true = tokens.decode(ids)
    result = call(answer, list(ids), list(merges), kind=str)
    if "\ufffd" in result or result == "".join(map(chr, tokens.decode(ids).encode())):
        yield "a character may be spread over two ids: join all bytes, then decode."
    if result == true[::-1]:
        yield "the order is turned around."
    if result == "".join(c for c in true if c in "abc"):
        yield "'é' is lost; it has two bytes, 195 and 169."
    if result != true:
        yield f"{ids} should become {true!r}, but becomes {result!r}."
    if (empty := call(answer, [], merges, kind=str)) != "":
        yield f"no ids should become no text, but become {empty!r}."


@checker
def capitals(answer: Any) -> Iterator[str]:
    """How many times as many tokens the held-out plays cost when in capitals."""
    guess = float(answer)
    if guess > 10:
        yield "this is more than ten times; give a ratio, where 1 means as many."
    if guess < 1:
        yield "merges that were learned from small letters cannot fit capitals better."
    if guess < 1.05:
        yield "'T' and 't' are two bytes, as different to a merge as 'T' and 'x'."
    if guess > NO_MERGES:
        yield f"with no merge at all it would be 5.61 / 2.46, so at most {NO_MERGES}."
    if guess > CAPITALS + 0.25:
        yield "it is less, since speakers' names taught some merges of capitals."
    if guess < CAPITALS - 0.25:
        yield "it is more, since few of the 768 merges are of capitals."


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
def window(answer: Callable) -> Iterator[str]:
    """`answer(ids, start, time)`: the window, and the token after each place of it."""
    ids = torch.tensor([5, 3, 8, 1, 9, 2, 7])
    found = call(answer, ids.clone(), 1, 3, kind=tuple)
    if len(found) != 2:
        yield f"give two tensors, the window and its answers, not {len(found)}."
    x, y = (of_kind(part, torch.Tensor).tolist() for part in found)
    if x == [3, 8]:
        yield "the window is one short; `time` tokens belong to it."
    if x == [5, 3, 8]:
        yield "places count from 0, so `start` 1 is the second token."
    if x == [8, 1, 9] and y == [3, 8, 1]:
        yield "window and answers are swapped."
    if x != [3, 8, 1]:
        yield f"the window should be [3, 8, 1], but is {x}."
    if y == x:
        yield "the answers are the window itself; the model would only have to copy."
    if y == [8, 1]:
        yield "the last place has an answer too, the token after the window."
    if y == [5, 3, 8]:
        yield "these answers come before their places; they come after."
    if y != [8, 1, 9]:
        yield f"the answers should be [8, 1, 9], but are {y}."
