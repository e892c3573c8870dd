"""The exercises of chapter 8: pooling, dropped words, adapters, rates, and measures."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from lib.check.verdict import call, checker, random_numbers, same, wrong_shape


@checker
def mean_pool(answer: Callable) -> Iterator[str]:
    """`answer(x, real)`: the mean vector of each text, padding left out."""
    x = random_numbers(3, 4, 5)
    real = torch.arange(4) < torch.tensor([4, 2, 1])[:, None]
    kept = x * real[..., None]
    true = kept.sum(1) / real.sum(1, keepdim=True)
    result = call(answer, x.clone(), real.clone())
    if result.shape == (3, 4):
        yield "add up over the positions, not over the numbers of a vector."
    yield from wrong_shape(result, true)
    if same(result, x.mean(1)):
        yield "padding is counted too; leave it out."
    if same(result, kept.mean(1)):
        yield "padding is 0 now, but still counted: divide by the real tokens alone."
    if same(result, kept.sum(1)):
        yield "this is the sum; divide by the number of real tokens."
    if same(result, kept.sum(1) / real.sum()):
        yield "divide each text by its own number of tokens, not by that of the batch."
    if not same(result, true):
        yield "the means are not right."


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
def lora(answer: Callable) -> Iterator[str]:
    """`answer(weight, down, up, alpha)`: the matrix with its change added to it."""
    weight = random_numbers(5, 4)
    alpha = 6.0
    down = random_numbers(3, 4)
    up = random_numbers(5, 3)
    before = weight.clone()
    change = up @ down
    result = call(answer, weight, down, up, alpha)
    yield from wrong_shape(result, before)
    if not same(weight, before):
        yield "the matrix that was given has changed; give a new one."
    if same(result, before):
        yield "this is the matrix without its change."
    if same(result, alpha / 3 * change):
        yield "this is the change alone; add it to the matrix."
    if same(result, before + change):
        yield "the change is scaled: by alpha / rank."
    if same(result, before + alpha * change):
        yield "alpha is divided by the rank, which `down` has as its rows."
    if any(same(result, before + alpha / n * change) for n in (4, 5)):
        yield "divide alpha by the rank, the smallest of the sizes."
    if not same(result, before + alpha / 3 * change):
        yield "the sum is not right."


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
def layer_rates(answer: Callable) -> Iterator[str]:
    """`answer(lr, decay, blocks)`: rates of head, blocks from the top, embedding."""
    for lr, decay, blocks in ((0.01, 0.5, 2), (0.3, 0.1, 3)):
        true = [lr * decay**depth for depth in range(blocks + 2)]
        found = call(answer, lr, decay, blocks, kind=list)
        if len(found) == blocks:
            yield "the head and the embedding have rates too, beside the blocks."
        if len(found) == blocks + 1:
            yield f"head, {blocks} blocks and embedding: {blocks + 2} rates."
        if len(found) != len(true):
            yield f"there should be {len(true)} rates, not {len(found)}."
        if close(found, true[::-1]):
            yield "the head comes first and learns fastest; turn the list around."
        if close(found, [decay * rate for rate in true]):
            yield "the head has the whole rate; the decay begins one layer below it."
        if close(found, [lr / (depth + 1) for depth in range(blocks + 2)]) or close(
            found, [lr * (1 - decay * depth) for depth in range(blocks + 2)]
        ):
            yield "each layer has `decay` times the rate of the one above it."
        if close(found, [lr] + [lr * decay] * (blocks + 1)):
            yield "the rate falls again with each layer, not once."
        if not close(found, true):
            yield f"lr {lr}, decay {decay} and {blocks} blocks give {true}."


@checker
def f1(answer: Callable) -> Iterator[str]:
    """`answer(hits, false_alarms, missed)`: precision, recall and F1, 0 for 0 / 0."""
    precision = 30 / 40
    recall = 30 / 50
    middle = 2 * 30 / (2 * 30 + 10 + 20)
    found = call(answer, 30, 10, 20, kind=tuple)
    if len(found) != 3:
        yield "the answer should be three numbers: precision, recall, F1."
    if close(found[:2], [recall, precision]):
        yield "precision and recall have changed places: false alarms hurt precision."
    if abs(found[0] - precision) > 1e-6:
        yield f"precision: of the 40 called positive 30 are, {precision}."
    if abs(found[1] - recall) > 1e-6:
        yield f"recall: of the 50 that are positive 30 were found, {recall}."
    if abs(found[2] - (precision + recall) / 2) < 1e-6:
        yield "F1 is not the mean of the two, but 2 p r / (p + r), nearer to the less."
    if abs(found[2] - middle) > 1e-6:
        yield f"F1 should be {middle:.4f}, not {found[2]:.4f}."
    for counts in ((0, 0, 5), (0, 5, 0), (0, 0, 0)):
        try:
            found = answer(*counts)
        except ZeroDivisionError:
            yield f"{counts} divides by zero: where nothing is counted, say 0."
        if not close(found, [0.0, 0.0, 0.0]):
            yield f"{counts} should give 0, 0 and 0: there is not one hit."


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


def close(found: Any, true: list[float]) -> bool:
    """As many numbers, and the same."""
    return len(found) == len(true) and all(
        abs(a - b) < 1e-6 for a, b in zip(found, true, strict=True)
    )
