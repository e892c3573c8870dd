"""The exercises of chapter 8: dropped and hidden words, adapters, and measures."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from lib.check.verdict import call, checker, same, wrong_shape

SHUFFLED = 5  # points; what was measured is less, see the solutions


@checker
def word_dropout(answer: Callable) -> Iterator[str]:
    """`answer(ids, share, chance)`: the words that stay; `chance` is a Random."""
    ids = list(range(100, 1100))
    result = call(answer, list(ids), 0.3, random.Random(0), kind=list)
    if len(result) == len(ids) and result != ids:
        yield "words should go, so that the text is shorter, not be replaced."
    if not set(result) <= set(ids):
        yield "only words of the text may stand in the answer."
    if result != sorted(result):
        yield "the words that stay should stay in their order."
    if 250 <= len(result) <= 350:
        yield "about 30 % of the words should go; here about 30 % stay."
    if not 650 <= len(result) <= 750:
        yield f"of 1,000 words about 700 should stay, not {len(result)}."
    lengths = {len(answer(ids, 0.3, random.Random(seed))) for seed in range(9)}
    if len(lengths) == 1:
        yield "let chance decide on each word by itself: the number kept varies."
    for seed in range(99):
        left = answer([7, 8], 0.9, random.Random(seed))
        if not left:
            yield "of two words both may go, and no text is left: keep at least one."
        if not set(left) <= {7, 8}:
            yield "the word that is kept at least should be one of the text."
    if answer(list(ids), 0.0, random.Random(0)) != ids:
        yield "with a share of 0 all words should stay."


@checker
def hide(answer: Callable) -> Iterator[str]:
    """`answer(ids, hidden, mask)`: what a model sees, and its targets."""
    ids = torch.tensor([[3, 1, 4, 1], [5, 2, 2, 0]])
    hidden = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 1]]).bool()
    given = ids.clone()
    found = call(answer, given, hidden.clone(), 9, kind=tuple)
    if not torch.equal(given, ids):
        yield "the ids that came in are changed; return new ones."
    if len(found) != 2 or any(part.shape != ids.shape for part in found):
        yield "return two tensors of the shape of `ids`."
    seen, targets = found
    if torch.equal(seen, torch.where(hidden, ids, 9)):
        yield "the other way round; `hidden` is true where a token is hidden."
    if not torch.equal(seen, torch.where(hidden, 9, ids)):
        yield "the model should see `mask` where a token is hidden, else the token."
    if torch.equal(targets, ids):
        yield "only hidden places have a target; all others get -1."
    if torch.equal(targets, torch.where(hidden, -1, ids)):
        yield "the targets are the hidden tokens, and -1 everywhere else."
    if torch.equal(targets, torch.where(hidden, 9, -1)):
        yield "the target is the token that was hidden, not the mask."
    if not torch.equal(targets, torch.where(hidden, ids, -1)):
        yield "the targets should be the hidden tokens, and -1 everywhere else."


@checker
def lora_size(answer: Callable) -> Iterator[str]:
    """`answer(shapes, rank)`: how many numbers learn in adapters of these matrices."""
    for shapes, rank in (([(6, 4)], 2), ([(128, 128), (384, 128), (128, 384)], 4)):
        found = call(answer, shapes, rank, kind=object)
        each = [rank * (rows + columns) for rows, columns in shapes]
        case = f"{len(shapes)} matrices {shapes}" if len(shapes) > 1 else "a 6 x 4"
        if found == sum(rows * columns for rows, columns in shapes):
            yield "the matrices stand still; what learns is beside them."
        if found == sum(a * b + n for (a, b), n in zip(shapes, each, strict=True)):
            yield "the matrices stand still: count the two thin ones alone."
        if found in (
            rank * sum(s[0] for s in shapes),
            rank * sum(s[1] for s in shapes),
        ):
            yield "each adapter has two matrices, `down` and `up`."
        if rank * found == sum(each):
            yield "both matrices are `rank` numbers wide: multiply by it."
        if found == each[0] != sum(each):
            yield "every matrix has an adapter of its own: add them up."
        if found != sum(each):
            yield f"{case} with rank {rank} gives {sum(each)}, not {found}."


@checker
def shuffled(answer: Any) -> Iterator[str]:
    """By how many points accuracy falls when the words of each review are shuffled."""
    guess = number(answer)
    if guess is None:
        yield "the answer should be one number, in points of accuracy."
        return
    if -1 <= guess <= SHUFFLED:
        return
    if guess < -1:
        yield "a fall is a number above 0, and word order cannot hurt so much."
    if guess > 45:
        yield "that is below guessing, which gets half of these reviews right."
    if guess > 30:
        yield "that is nearly guessing, but the words themselves are all still there."
    yield "that is too much: an average of word vectors does not know their order."


@checker
def calibration_error(answer: Callable) -> Iterator[str]:
    """`answer(chances, positive, bins)`: how far off stated probabilities are."""
    chances = torch.tensor([0.05, 0.1, 0.15, 0.2, 0.3, 0.6, 0.7, 0.95])
    positive = torch.tensor([0.0, 0, 1, 0, 1, 1, 0, 1])
    bins = (4 * chances).long()
    gaps = []
    sizes = []
    for number in range(4):
        inside = bins == number
        if inside.any():
            gap = chances[inside].mean() - positive[inside].mean()
            gaps.append(gap.item())
            sizes.append(inside.sum().item())
    gaps = torch.tensor(gaps)
    sizes = torch.tensor(sizes)
    true = (sizes * gaps.abs()).sum() / 8
    found = call(answer, chances.clone(), positive.clone(), 4, kind=object)
    found = torch.as_tensor(found)
    yield from wrong_shape(found, true)
    if found.isnan():
        yield "a bin without texts has no mean: leave it out."
    if same(found, gaps.abs().mean()):
        yield "the bins count alike; a bin should count as often as it has texts."
    if same(found, (sizes * gaps).sum() / 8):
        yield "too high in one bin and too low in another cancel: take absolute values."
    if same(found, (chances - positive).abs().mean()):
        yield "this compares text by text; first take the means of each bin."
    if same(found, (chances.mean() - positive.mean()).abs()):
        yield "this is a single bin; there should be four."
    if same(found, (sizes * gaps.abs()).sum()):
        yield "divide by the number of texts."
    if same(found, (sizes * gaps.square()).sum() / 8):
        yield "the gaps are squared; take their absolute values."
    if not same(found, true):
        yield f"here it should be {true:.4f}, not {found:.4f}."
    if torch.as_tensor(answer(torch.tensor([1.0]), torch.tensor([0.0]), 4)) != 1:
        yield "a probability of exactly 1 belongs to the last bin."


@checker
def integrated(answer: Callable) -> Iterator[str]:
    """`answer(gradient, x, baseline, steps)`: x's integrated gradients, in the middle.

    `gradient(x)` is the gradient at a point; `steps` pieces, each asked in its middle.
    """

    def gradient(x: Tensor) -> Tensor:
        """Of x[0]**3 + x[1] * x[2]."""
        return torch.stack([3 * x[0] ** 2, x[2], x[1]])

    x = torch.tensor([2.0, 1.0, -3.0])
    base = torch.tensor([1.0, -1.0, 0.5])
    steps = 5

    def along(shares: Tensor) -> Tensor:
        return torch.stack([gradient(base + s * (x - base)) for s in shares]).mean(0)

    mean = along((torch.arange(steps) + 0.5) / steps)
    result = call(answer, gradient, x.clone(), base.clone(), steps)
    yield from wrong_shape(result, x)
    if same(result, mean):
        yield "these are the mean gradients; multiply by the way, x - baseline."
    if same(result, x * mean):
        yield "multiply by the way from the baseline, x - baseline, not by x."
    if same(result, (base - x) * mean):
        yield "the signs are turned: the way is x - baseline."
    if same(result, steps * (x - base) * mean):
        yield "this is the sum over the steps; take the mean."
    if same(result, (x - base) * gradient(x)):
        yield "this is the gradient at the end alone; take it all along the way."
    ends = torch.arange(steps) / steps
    for shares in (ends, ends + 1 / steps, torch.linspace(0, 1, steps)):
        if same(result, (x - base) * along(shares)):
            yield "take the gradient in the middle of each piece, not at its ends."
    started_at_zero = torch.stack(
        [gradient((n + 0.5) / steps * x) for n in range(steps)]
    )
    if any(same(result, way * started_at_zero.mean(0)) for way in (x, x - base)):
        yield "the way begins at the baseline, not at zero."
    if not same(result, (x - base) * mean):
        yield f"here it should be {((x - base) * mean).tolist()}."


def number(answer: Any) -> float | None:
    """The answer as a number, or nothing where it is none."""
    answer = (
        answer.item() if isinstance(answer, Tensor) and not answer.dim() else answer
    )
    plain = isinstance(answer, int | float) and not isinstance(answer, bool)
    return float(answer) if plain else None
