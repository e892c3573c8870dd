"""Exercise checkers: each takes an answer and says the first thing that is wrong."""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lib import bpe
from lib.attention import causal_mask, scaled_dot_product


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found: `right`, and one sentence to read."""

    right: bool
    says: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.says

    def _repr_markdown_(self) -> str:
        return self.says


class _NotDone(Exception):
    """The reader has not filled in the exercise yet."""


def _checker(complaints: Callable[..., Iterator[str]]) -> Callable[..., Verdict]:
    """Turn a generator of complaints into a checker: no complaint means right."""

    @functools.wraps(complaints)
    def check(answer: object) -> Verdict:
        try:
            wrong = next(complaints(answer), None)
        except _NotDone:
            return Verdict(False, "Not done yet: replace the dots with your answer.")
        except Exception as error:
            return Verdict(
                False, f"Not yet: it stops with {type(error).__name__}: {error}"
            )
        return (
            Verdict(True, "Correct.")
            if wrong is None
            else Verdict(False, f"Not yet: {wrong}")
        )

    return check


def _call(answer: Callable, *arguments: object, kind: type = Tensor):
    """Run the reader's function; complain clearly about what is of another type."""
    result = answer(*arguments)
    if result is None or result is ...:
        raise _NotDone
    if not isinstance(result, kind):
        raise TypeError(
            f"the answer should be a {kind.__name__.lower()}, "
            f"not a {type(result).__name__}."
        )
    return result


def _wrong_shape(result: Tensor, expected: Tensor) -> Iterator[str]:
    if result.shape != expected.shape:
        shape, right = tuple(result.shape), tuple(expected.shape)
        yield f"the shape should be {right}, but is {shape}."


def _same(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.float(), expected.float(), atol=1e-5)


@_checker
def pairs(answer: object) -> Iterator[str]:
    """How often each pair of letters stands in "banana", "banana" and "bandana"."""
    true = {"ba": 3, "an": 6, "na": 5, "nd": 1, "da": 1}
    if answer is ... or ... in answer.values():
        raise _NotDone
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


@_checker
def merge(answer: Callable) -> Iterator[str]:
    """`answer(ids, pair, new)`: the list of ids with `new` wherever `pair` stood."""
    ids, pair = [5, 1, 2, 3, 1, 2, 2, 1], (1, 2)
    true = bpe.merge(ids, pair, 9)
    given = ids.copy()
    result = _call(answer, given, pair, 9, kind=list)
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
    if (odd := _call(answer, [1, 1, 1], (1, 1), 9, kind=list)) != [9, 1]:
        yield f"[1, 1, 1] with (1, 1) merged should be [9, 1], but is {odd}."


@_checker
def encode(answer: Callable) -> Iterator[str]:
    """`answer(word, merges)`: the ids of a word, by merges in the order learned."""
    merges = [(98, 99), (97, 98), (97, 256), (100, 100), (259, 99)]
    word = "abcabcddcab"
    true = _in_order(word, merges)
    result = _call(answer, word, merges, kind=list)
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
    if _call(answer, "é", [], kind=list) != [195, 169]:
        yield "'é' has two bytes in UTF-8, 195 and 169: start from bytes."


def _in_order(word: str, merges: list[bpe.Pair], first: int = bpe.BYTES) -> list[int]:
    ids = list(word.encode())
    for new, pair in enumerate(merges, start=first):
        ids = bpe.merge(ids, pair, new)
    return ids


@_checker
def one_hot(answer: Callable) -> Iterator[str]:
    """`answer(ids, vocab)`: a row for each id, a 1 in its column, decimal numbers."""
    ids = torch.tensor([2, 0, 3])
    true = torch.eye(5)[ids]
    result = _call(answer, ids, 5)
    if result.shape == (5, 3):
        yield "each id should have a row, but has a column."
    if result.shape == (3, 4):
        yield "the largest id does not say how large the vocabulary is; `vocab` does."
    yield from _wrong_shape(result, true)
    if not result.is_floating_point():
        yield f"a matrix of decimal numbers cannot multiply {result.dtype}; convert."
    if _same(result, torch.eye(5)[ids - 1]):
        yield "ids count from 0; yours are off by one."
    if not _same(result.sum(1), torch.ones(3)):
        yield "each row should hold a single 1."
    if not _same(result, true):
        yield "the row of id 2 should have its 1 in column 2."


@_checker
def pad(answer: Callable) -> Iterator[str]:
    """`answer(sequences, pad)`: whole numbers (batch, time), filled up on the right."""
    sequences, filler = [[7, 8, 9, 6], [5], [3, 0]], 1
    true = torch.tensor([[7, 8, 9, 6], [5, 1, 1, 1], [3, 0, 1, 1]])
    given = [list(sequence) for sequence in sequences]
    result = _call(answer, given, filler)
    if given != sequences:
        yield "the sequences that came in are changed; build new ones."
    if result.size(-1) == 1:
        yield "all are cut to the shortest; fill up to the longest."
    yield from _wrong_shape(result, true)
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


@_checker
def cosine(answer: Callable) -> Iterator[str]:
    """`answer(vector, table)`: the cosine between a vector and each row of a table."""
    vector, table = _random(4), _random(3, 4)
    dots, long, rows = table @ vector, vector.norm(), table.norm(dim=1)
    true = dots / (long * rows)
    result = _call(answer, vector, table)
    yield from _wrong_shape(result, true)
    if _same(result, dots):
        yield "these are dot products; divide by the lengths of both vectors."
    if _same(result, dots / rows) or _same(result, dots / long):
        yield "you divided by one length; divide by both."
    if _same(result, dots / (long * rows) ** 2):
        yield "you divided by the squared lengths; take square roots."
    if _same(result, dots / (long * table.norm())):
        yield "each row has a length of its own; yours is that of the whole table."
    if _same(result, 1 - true):
        yield "this is a distance; the cosine is 1 for the same direction."
    if not _same(result, true):
        off = (result - true).abs().max()
        yield f"the cosines differ from the true ones by up to {off:.3f}."


@_checker
def row(answer: object) -> Iterator[str]:
    """The weights of "river" over [the, bank, of, the, river, was], to two decimals."""
    if answer is ...:
        raise _NotDone
    found = torch.tensor(answer, dtype=torch.float)
    products = torch.tensor([0.0, 1, 0, 0, 1, 0])
    true = (products / 2).softmax(0)
    yield from _wrong_shape(found, true)
    if _close_by_hand(found, products / 2) or _close_by_hand(found, products):
        yield "these are the scores; softmax turns them into shares."
    if _close_by_hand(found, products.softmax(0)):
        yield "the scores are not divided by the square root of the width, which is 2."
    if abs(found.sum() - 1) > 0.04:
        yield f"shares add up to 1, but yours add up to {found.sum():.2f}."
    if not _close_by_hand(found, true):
        worst = (found - true).abs().argmax().item()
        yield f"number {worst + 1} of the six is not right."


def _close_by_hand(found: Tensor, true: Tensor) -> bool:
    return torch.allclose(found, true, atol=0.011)


@_checker
def softmax(answer: Callable) -> Iterator[str]:
    """`answer(scores, temperature)`: softmax over the last axis."""
    scores = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 3.0]])
    true = (scores / 0.5).softmax(-1)
    result = _call(answer, scores, 0.5)
    yield from _wrong_shape(result, true)
    if _same(result, (scores * 0.5).softmax(-1)):
        yield "the scores are multiplied by the temperature; divide by it."
    if _same(result, scores.softmax(-1)):
        yield "the temperature makes no difference."
    if not _same(result.sum(-1), torch.ones(2)):
        yield f"each row should add up to 1, but the first gives {result[0].sum():.2f}."
    if not _same(result, true):
        yield f"at temperature 0.5, scores 1, 2, 4 give 4 a share of {true[0, -1]:.3f}."
    if not _call(answer, scores + 1000, 0.5).isfinite().all():
        yield "scores above 1,000 overflow; subtract the largest of each row first."


@_checker
def mask(answer: Callable) -> Iterator[str]:
    """`answer(time)`: booleans (time, time), True where the row may look."""
    result, true = _call(answer, 4), causal_mask(4)[0, 0]
    yield from _wrong_shape(result, true)
    if result.dtype != torch.bool:
        yield f"the mask should hold booleans, but holds {result.dtype}."
    if torch.equal(result, true.T):
        yield "rows look at columns; yours sees the future and not the past."
    if torch.equal(result, ~true):
        yield "True should mean 'may look'; yours is the other way round."
    if not result.diagonal().all():
        yield "a position may look at itself, and yours may not."
    if not torch.equal(result, true):
        yield "row t should be True in columns 0 to t and nowhere else."


@_checker
def attention(answer: Callable) -> Iterator[str]:
    """`answer(q, k, v, mask)`: the mixed values of scaled dot-product attention."""
    q, k, v = _random(2, 3, 5, 8, many=3)
    mask = causal_mask(5)
    scores, dim = q @ k.transpose(-2, -1), q.size(-1)
    true, weights = scaled_dot_product(q, k, v, mask)
    result = _call(answer, q, k, v, mask)
    yield from _wrong_shape(result, true)
    if _same(result, scores.masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are not divided by the square root of dim."
    if _same(result, (scores / dim).masked_fill(~mask, -math.inf).softmax(-1) @ v):
        yield "the scores are divided by dim; divide by its square root."
    if _same(result, scaled_dot_product(q, k, v)[0]):
        yield "the mask makes no difference."
    if _same(result, (scores / dim**0.5).softmax(-1).masked_fill(~mask, 0) @ v):
        yield "the mask comes after the softmax, so the rows no longer add up to 1."
    if _same(result, (scores / dim**0.5).masked_fill(~mask, -math.inf).softmax(-2) @ v):
        yield "the softmax runs over the queries; it should run over the keys."
    if _same(result, scaled_dot_product(q, k, v, ~mask)[0]) or result.isnan().any():
        yield "the mask is the wrong way round: True means that a query may look."
    if not _same(result, true):
        off = (result - true).abs().max()
        yield f"the values differ from the true ones by up to {off:.3f}."


@_checker
def heads(answer: Callable) -> Iterator[str]:
    """`answer(x, heads)`: (batch, time, width) to (batch, heads, time, dim)."""
    x = _random(2, 5, 12)
    true = x.unflatten(-1, (3, 4)).transpose(1, 2)
    result = _call(answer, x, 3)
    if result.shape == (2, 5, 3, 4):
        yield "the cut is right; the head axis should come before the time axis."
    yield from _wrong_shape(result, true)
    if _same(result, x.reshape(2, 3, 5, 4)):
        yield "time and width are mixed up; cut the width first, then swap two axes."
    if not _same(result, true):
        yield "head 0 should hold the first 4 of the 12 numbers of every token."


@_checker
def grouped(answer: Callable) -> Iterator[str]:
    """`answer(q, k, v)`: 4 query heads share 2 heads of keys and values."""
    q, (k, v) = _random(2, 4, 5, 8), _random(2, 2, 5, 8, many=2)
    repeated = (k.repeat_interleave(2, dim=1), v.repeat_interleave(2, dim=1))
    true = scaled_dot_product(q, *repeated)[0]
    result = _call(answer, q, k, v)
    yield from _wrong_shape(result, true)
    if _same(
        result, scaled_dot_product(q, k.repeat(1, 2, 1, 1), v.repeat(1, 2, 1, 1))[0]
    ):
        yield "heads 0 and 1 should share keys; yours take turns (0, 1, 0, 1)."
    if _same(
        result, scaled_dot_product(q, k[:, :1].expand_as(q), v[:, :1].expand_as(q))[0]
    ):
        yield "all heads share the first keys; each group should have its own."
    if not _same(result, true):
        yield "heads 0 and 1 should look at key head 0, heads 2 and 3 at key head 1."


def _random(*shape: int, many: int = 1) -> Tensor | tuple[Tensor, ...]:
    """The same random numbers at every call, whatever was drawn before."""
    drawn = torch.randn(many, *shape, generator=torch.Generator().manual_seed(many))
    return drawn[0] if many == 1 else tuple(drawn)


@_checker
def normed_row(answer: object) -> Iterator[str]:
    """The layer norm of [6, 0, 6, 8], to two decimals."""
    if answer is ...:
        raise _NotDone
    x = torch.tensor([6.0, 0, 6, 8])
    found, centered = torch.tensor(answer, dtype=torch.float), x - x.mean()
    true = centered / 3
    yield from _wrong_shape(found, true)
    if _close_by_hand(found, centered):
        yield "the mean is gone; now divide by the square root of the variance."
    if _close_by_hand(found, centered / 9):
        yield "these are divided by the variance; divide by its square root."
    if _close_by_hand(found, centered / x.std()):
        yield "the variance is a mean over 4 numbers: divide their sum by 4, not by 3."
    if _close_by_hand(found, x / x.square().mean().sqrt()):
        yield "this is the RMS norm; layer norm subtracts the mean first."
    if _close_by_hand(found, x / 3):
        yield "the mean is still in there; subtract it first."
    if not _close_by_hand(found, true):
        worst = (found - true).abs().argmax().item()
        yield f"number {worst + 1} of the four is not right."


@_checker
def layer_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, eps)`: layer norm over the last axis, with no scale and no shift."""
    x = 3 * _random(2, 5, 8) + 1
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    true = centered / (variance + 0.1).sqrt()
    result = _call(answer, x, 0.1)
    yield from _wrong_shape(result, true)
    unbiased = centered.square().sum(-1, keepdim=True) / 7
    if _same(result, centered / (unbiased + 0.1).sqrt()):
        yield "the sum of squares is divided by 7, not by 8: use unbiased=False."
    if _same(result, centered / (variance.sqrt() + 0.1)):
        yield "eps is added to the root; add it to the variance, before the root."
    if _same(result, centered / (variance + 0.1)):
        yield "it is divided by the variance; divide by its square root."
    if _same(result, x / (variance + 0.1).sqrt()):
        yield "the mean is not subtracted."
    if _same(result, torch.nn.functional.layer_norm(x, (8,), eps=0)):
        yield "eps makes no difference."
    if not _same(result.mean(-1), torch.zeros(2, 5)):
        yield "each vector should have mean 0: take the mean over the last axis."
    if not _same(result, true):
        yield f"the numbers differ from the true ones by up to {_off(result, true)}."


@_checker
def rms_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, scale, eps)`: RMS norm over the last axis, times a learned scale."""
    x, scale = 3 * _random(2, 5, 8) + 1, _random(8)
    square = x.square().mean(-1, keepdim=True)
    true = x / (square + 0.1).sqrt() * scale
    result = _call(answer, x, scale, 0.1)
    yield from _wrong_shape(result, true)
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    if _same(result, centered / (variance + 0.1).sqrt() * scale):
        yield "this is layer norm; the RMS norm leaves the mean where it is."
    if _same(result, true / scale):
        yield "the scale makes no difference."
    if _same(result, x / (square + 0.1) * scale):
        yield "it is divided by the mean square; divide by its square root."
    if _same(result, x / (8 * square + 0.1).sqrt() * scale):
        yield "the squares are added up; take their mean."
    if _same(result, x / (square.sqrt() + 0.1) * scale):
        yield "eps is added to the root; add it to the mean square, before the root."
    if not _same(result, true):
        yield f"the numbers differ from the true ones by up to {_off(result, true)}."


@_checker
def pre_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, part, norm)`: one residual step, the norm before the part."""
    x, (part, norm) = _random(2, 5, 8), _parts(8, "part", "norm")
    true = x + part(norm(x))
    result = _call(answer, x, part, norm)
    yield from _wrong_shape(result, true)
    if _same(result, norm(x + part(x))):
        yield "this is post-norm; here the norm comes before the part."
    if _same(result, x + norm(part(x))):
        yield "the norm comes after the part; it should come before."
    if _same(result, part(norm(x))):
        yield "the part replaces the stream; add to it."
    if _same(result, norm(x) + part(norm(x))):
        yield "the stream itself is normalized; only what the part reads should be."
    if _same(result, x + part(x)):
        yield "the norm is not used."
    if not _same(result, true):
        yield f"the numbers differ from the true ones by up to {_off(result, true)}."


@_checker
def feed_forward_size(answer: Callable) -> Iterator[str]:
    """`answer(width, hidden, bias)`: the parameters of a `FeedForward`."""
    for bias in (False, True):
        found = answer(10, 30, bias)
        if found is ... or found is None:
            raise _NotDone
        true = 2 * 10 * 30 + bias * (30 + 10)
        if found == 10 * 30 + bias * 30:
            yield "there are two matrices: one to the hidden numbers and one back."
        if found == 3 * 10 * 30 + bias * (30 + 30 + 10):
            yield "this is SwiGLU, which has a third matrix; FeedForward has two."
        if bias and found == 2 * 10 * 30:
            yield "with bias=True each matrix has a bias for every number it gives."
        if not bias and found == 2 * 10 * 30 + 30 + 10:
            yield "with bias=False there are no biases to count."
        if found in (2 * 10 * 30 + 2 * 10, 2 * 10 * 30 + 2 * 30):
            yield "the two biases differ: one has hidden numbers, the other width."
        if found != true:
            yield f"width 10, hidden 30, bias={bias} give {true}, not {found}."


@_checker
def block(answer: Callable) -> Iterator[str]:
    """`answer(x, mask, attention, feed_forward, norm_1, norm_2)`: a pre-norm block."""
    x, mask = _random(2, 5, 8), causal_mask(5)
    look, digest, one, two = _parts(8, "attention", "feed_forward", "norm_1", "norm_2")

    def attend(x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Stands in for attention: a mean over what the mask allows, then a part."""
        seen = torch.ones(5, 5) if mask is None else mask[0, 0].float()
        return look(seen / seen.sum(-1, keepdim=True) @ x)

    middle = x + attend(one(x), mask)
    true = middle + digest(two(middle))
    result = _call(answer, x, mask, attend, digest, one, two)
    yield from _wrong_shape(result, true)
    blind = x + attend(one(x))
    if _same(result, blind + digest(two(blind))):
        yield "the mask does not reach attention."
    if _same(result, middle + digest(two(x))):
        yield "feed-forward reads x; it should read what attention has added to."
    if _same(result, middle + digest(one(middle))):
        yield "norm_1 is used twice; feed-forward has a norm of its own."
    if _same(result, digest(two(middle))):
        yield "feed-forward replaces the stream; add to it."
    if _same(result, (after := attend(one(x), mask)) + digest(two(after))):
        yield "attention replaces the stream; add to it."
    if _same(result, two((after := one(x + attend(x, mask))) + digest(after))):
        yield "this is post-norm; here each norm comes before its part."
    if not _same(result, true):
        yield f"the numbers differ from the true ones by up to {_off(result, true)}."


def _off(result: Tensor, true: Tensor) -> str:
    return f"{(result - true).abs().max():.3f}"


def _parts(width: int, *names: str) -> list[Callable[[Tensor], Tensor]]:
    """Stand-ins for parts, each a matrix of its own and a bend: no two are alike."""
    matrices = _random(width, width, many=len(names))
    return [lambda x, m=m: torch.tanh(x @ m) for m in matrices]
