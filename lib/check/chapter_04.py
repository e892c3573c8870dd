"""The exercises of chapter 4: norms, residuals, the lens, the block, its size."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from lib.check.verdict import (
    call,
    checker,
    close_by_hand,
    off,
    off_by_hand,
    random_numbers,
    same,
    wrong_shape,
)
from lib.model.masks import causal_mask


@checker
def normed_row(answer: object) -> Iterator[str]:
    """The layer norm of [6, 0, 6, 8], to two decimals."""
    x = torch.tensor([6.0, 0, 6, 8])
    found = torch.tensor(answer, dtype=torch.float)
    centered = x - x.mean()
    true = centered / 3
    yield from wrong_shape(found, true)
    if close_by_hand(found, centered):
        yield "the mean is gone; now divide by the square root of the variance."
    if close_by_hand(found, centered / 9):
        yield "these are divided by the variance; divide by its square root."
    if close_by_hand(found, centered / x.std()):
        yield "the variance is a mean over 4 numbers: divide their sum by 4, not by 3."
    if close_by_hand(found, x / x.square().mean().sqrt()):
        yield "this is the RMS norm; layer norm subtracts the mean first."
    if close_by_hand(found, x / 3):
        yield "the mean is still in there; subtract it first."
    yield from off_by_hand(found, true)


@checker
def layer_norm(answer: Callable) -> Iterator[str]:
    """`answer(x, eps)`: layer norm over the last axis, with no scale and no shift."""
    x = 3 * random_numbers(2, 5, 8) + 1
    centered = x - x.mean(-1, keepdim=True)
    variance = centered.square().mean(-1, keepdim=True)
    true = centered / (variance + 0.1).sqrt()
    result = call(answer, x, 0.1)
    yield from wrong_shape(result, true)
    unbiased = centered.square().sum(-1, keepdim=True) / 7
    if same(result, centered / (unbiased + 0.1).sqrt()):
        yield "the sum of squares is divided by 7, not by 8: use unbiased=False."
    if same(result, centered / (variance.sqrt() + 0.1)):
        yield "eps is added to the root; add it to the variance, before the root."
    if same(result, centered / (variance + 0.1)):
        yield "it is divided by the variance; divide by its square root."
    if same(result, x / (variance + 0.1).sqrt()):
        yield "the mean is not subtracted."
    if same(result, torch.nn.functional.layer_norm(x, (8,), eps=0)):
        yield "eps makes no difference."
    if not same(result.mean(-1), torch.zeros(2, 5)):
        yield "each vector should have mean 0: take the mean over the last axis."
    yield from off(result, true)


@checker
def half_residual(answer: object) -> Iterator[str]:
    """The slope of 24 steps x <- 0.5 x + 0.2 x in a row."""
    found = torch.tensor(answer, dtype=torch.double).item()
    wrong = {
        0.2**24: "this is the slope where parts replace: now half of x is kept.",
        1.2**24: "this is the slope where all of x is kept: now it is half.",
        0.5**24: "this leaves out the part, whose 0.2 comes on top of the half.",
        0.1**24: "half of x is kept beside the part: 0.5 and 0.2 add up in a step.",
        0.7: "this is the slope of one step, and there are 24.",
        24 * 0.7: "the slopes of steps in a row multiply; here they are added up.",
    }
    for slope, reason in wrong.items():
        if _near(found, slope):
            yield reason
    if found <= 0:
        yield "each step has a slope above 0, and so has their product."
    if not _near(found, 0.7**24):
        yield "one step has slope 0.5 + 0.2; take it to the power of 24."


@checker
def read_out(answer: Callable) -> Iterator[str]:
    """`answer(stream, norm, unembed)`: what a model that ended here would predict."""
    x = random_numbers(2, 5, 8)
    (norm, head) = _parts(8, "norm", "unembed")
    true = head(norm(x)).softmax(-1)
    result = call(answer, x, norm, head)
    yield from wrong_shape(result, true)
    if same(result, head(norm(x))):
        yield "these are logits; softmax makes them probabilities."
    if same(result, head(x).softmax(-1)):
        yield "the norm is not used; the end of a GPT reads the stream through it."
    if same(result, norm(head(x)).softmax(-1)):
        yield "the norm comes before the matrix, not after it."
    if same(result, head(norm(x)).softmax(1)):
        yield "softmax goes over the tokens of the vocabulary, the last axis."
    if same(result, head(norm(x)).log_softmax(-1)):
        yield "these are the logarithms of the probabilities."
    yield from off(result, true)


@checker
def post_norm_block(answer: Callable) -> Iterator[str]:
    """`answer(x, mask, attention, feed_forward, norm_1, norm_2)`: norms at the end."""
    x = random_numbers(2, 5, 8)
    mask = causal_mask(5)
    look, work, one, two = _parts(8, "attention", "feed_forward", "norm_1", "norm_2")

    def attend(x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Stands in for attention: a mean over what the mask allows, then a part."""
        seen = torch.ones(5, 5) if mask is None else mask[0, 0].float()
        return look(seen / seen.sum(-1, keepdim=True) @ x)

    middle = one(x + attend(x, mask))
    true = two(middle + work(middle))
    result = call(answer, x, mask, attend, work, one, two)
    yield from wrong_shape(result, true)
    if same(result, (pre := x + attend(one(x), mask)) + work(two(pre))):
        yield "this is pre-norm; here each norm comes after the addition."
    if same(result, two((blind := one(x + attend(x))) + work(blind))):
        yield "the mask does not reach attention."
    if same(result, (within := x + one(attend(x, mask))) + two(work(within))):
        yield "the norm is around the part alone; it should be around the sum."
    if same(result, two((bare := x + attend(x, mask)) + work(bare))):
        yield "norm_1 is missing: the sum after attention has a norm too."
    if same(result, one(middle + work(middle))):
        yield "norm_1 is used twice; the second sum has a norm of its own."
    if same(result, two(work(middle))):
        yield "feed-forward replaces the stream; add to it."
    if same(result, two((after := one(attend(x, mask))) + work(after))):
        yield "attention replaces the stream; add to it."
    yield from off(result, true)


@checker
def gpt_size(answer: Callable) -> Iterator[str]:
    """`answer(vocab, width, layers, hidden)`: the parameters of this chapter's GPT."""
    for vocab, width, layers, hidden in ((100, 10, 3, 30), (7, 4, 2, 9)):
        found = call(answer, vocab, width, layers, hidden, kind=object)
        matrices = 4 * width**2 + 3 * width * hidden
        true = vocab * width + layers * (matrices + 2 * width) + width
        if found == true + vocab * width:
            yield "the last matrix is the embedding's, and counts once."
        if found == true - vocab * width:
            yield "the embedding has a vector for every token of the vocabulary."
        if found == true - layers * width * hidden:
            yield "SwiGLU has three matrices: the gate's is missing."
        if found == true - layers * width**2:
            yield "attention has four matrices: queries, keys, values and the output."
        if found == true - width:
            yield "there is one more norm, after the last block."
        if found == true - layers * 2 * width - width:
            yield "the norms are missing: width numbers each, two in every block."
        if found == true - layers * width:
            yield "a block has two norms."
        if found != true:
            sizes = f"vocab {vocab}, width {width}, layers {layers}, hidden {hidden}"
            yield f"{sizes} give {true}, not {found}."


def _near(found: float, true: float) -> bool:
    """Within a tenth: a guess worked out in the head."""
    return abs(found - true) <= 0.1 * true


def _parts(width: int, *names: str) -> list[Callable[[Tensor], Tensor]]:
    """Stand-ins for parts, each a matrix of its own and a bend: no two are alike."""
    matrices = random_numbers(width, width, many=len(names))
    return [lambda x, m=m: torch.tanh(x @ m) for m in matrices]
