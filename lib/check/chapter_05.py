"""The exercises of chapter 5: surprise, floors, a gradient, clipping, Adam."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from lib.check.verdict import call, checker, off, random_numbers, same, wrong_shape
from lib.data.sources import (
    entropy,
    random_source,
    stationary_distribution,
    window_entropy,
)


@checker
def surprise(answer: Any) -> Iterator[str]:
    """Mean surprise and perplexity where 1/2, 1/4 and 1/8 were given to what came."""
    loss, perplexity = answer
    if _near(loss, 2.0):
        yield "this loss is in bits; for nats take the natural logarithm."
    if _near(loss, 6 * math.log(2)):
        yield "this is the sum of three surprises; the loss is their mean."
    if _near(loss, -math.log(7 / 24)):
        yield "take the mean of the logarithms, not the logarithm of the mean."
    if _near(loss, -2 * math.log(2)):
        yield "the sign is wrong: surprise is minus the logarithm."
    if not _near(loss, 2 * math.log(2)):
        yield "the loss is not right: -log of each probability, then the mean."
    if _near(perplexity, 24 / 7):
        yield "perplexity is e to the loss, not one over the mean probability."
    if _near(perplexity, 2 ** (2 * math.log(2))):
        yield "the loss is in nats, so raise e to it, not 2."
    if not _near(perplexity, 4.0):
        yield "the perplexity is not right: e to the loss."


@checker
def floor(answer: Callable) -> Iterator[str]:
    """`answer(often, source)`: the entropy rate, from the shares and the table."""
    source = random_source(4, 1, spread=1.5, seed=2)
    often = stationary_distribution(source)
    each = -(source * source.log())
    found = _number(answer, often.clone(), source.clone())
    true = entropy(source)
    if _near(found, each.sum(dim=1).mean().item()):
        yield "the rows count equally; weigh each by how often the source is in it."
    if _near(found, each.sum().item()):
        yield "these are the entropies of all rows, added up; weigh them by `often`."
    if _near(found, entropy(source, 0)):
        yield "this is the entropy of `often`, for one who has not seen the last token."
    if _near(found, true / math.log(2)):
        yield "this is in bits; take the natural logarithm."
    if _near(found, -true):
        yield "the sign is wrong: surprise is minus the logarithm."
    if _near(found, -(often @ source.log()).mean().item()):
        yield "weigh each surprise by its own probability, too."
    if not _near(found, true):
        yield f"the entropy rate of our source is {true:.3f}, and yours {found:.3f}."


@checker
def gradient(answer: Callable) -> Iterator[str]:
    """`answer(logits, targets)`: the gradient of the mean loss at the logits."""
    logits = random_numbers(5, 4)
    targets = torch.tensor([2, 0, 3, 3, 1])
    shares = logits.softmax(dim=-1)
    right = torch.nn.functional.one_hot(targets, 4).float()
    true = (shares - right) / 5
    found = call(answer, logits.clone(), targets.clone())
    yield from wrong_shape(found, true)
    if same(found, shares) or same(found, shares / 5):
        yield "these are the probabilities; subtract 1 at the place of each target."
    if same(found, shares - right):
        yield "this is each row's own gradient; the loss is the mean of the rows."
    if same(found, -true) or same(found, -5 * true):
        yield "the sign is wrong: the loss falls when the target's logit rises."
    if same(found, (logits - right) / 5) or same(found, logits - right):
        yield "turn the logits into probabilities first, with softmax."
    if same(found, (logits.softmax(dim=0) - right) / 5):
        yield "each row adds up to 1: take softmax along the last axis."
    yield from off(found, true)


@checker
def two_letters(answer: Any) -> Iterator[str]:
    """The floor for windows of two letters of the chapter's source, guessed before."""
    source = random_source(vocab=6, order=2, spread=2.0, seed=8)
    guess = float(answer)
    one = entropy(source, 1)
    two = entropy(source, 2)
    if abs(guess - two) < 0.02:
        yield "of the two places only the second sees two letters; the first sees one."
    if abs(guess - one) < 0.02:
        yield "that is the price where one letter is seen; the second place sees two."
    if abs(guess - (one + two)) < 0.02:
        yield "this is the price of both places together; the loss is their mean."
    if abs(guess - window_entropy(source, 16)) < 0.02:
        yield "of 16 places only the first sees one letter, but here it is one of two."
    if guess < two:
        yield "nobody gets below the entropy rate, however long the window."
    if guess > one:
        yield "every place sees one letter at least, so a bigram already pays less."
    if abs(guess - (one + two) / 2) > 0.03:
        yield "weigh the price of one seen letter and that of two by how often each is."


@checker
def clip(answer: Callable) -> Iterator[str]:
    """`answer(gradients, longest)`: all shortened by one factor, if too long."""
    long = list(random_numbers(3, 4, many=2))
    given = [gradient.clone() for gradient in long]
    length = math.sqrt(sum(g.square().sum().item() for g in long))
    found = call(answer, given, 0.5, kind=list)
    if any(not same(a, b) for a, b in zip(given, long, strict=True)):
        yield "the gradients that came in are changed; return new ones."
    if len(found) != 2 or found[0].shape != long[0].shape:
        yield "give as many tensors as came in, of the same shapes."
    if all(_near(g.norm().item(), 0.5) for g in found):
        yield "each tensor is clipped by itself; all of them together have one length."
    if same(found[0], long[0].clamp(-0.5, 0.5)):
        yield "each number is clipped; keep the direction and shorten the whole."
    if same(found[0], long[0] / length):
        yield "the length is now 1; it should be `longest`."
    if not all(same(a, b * 0.5 / length) for a, b in zip(found, long, strict=True)):
        yield f"length {length:.2f} should become 0.5: multiply all by one number."
    short = call(answer, [gradient.clone() for gradient in long], 99.0, kind=list)
    if not all(same(a, b) for a, b in zip(short, long, strict=True)):
        yield "a gradient that is short enough should stay as it is."


@checker
def adam(answer: Callable) -> Iterator[str]:
    """`answer(weight, gradient, mean, square, step)`: one step of Adam, all three new.

    The rate is 0.1; the shares kept of mean and square are 0.9 and 0.999.
    """
    weight, gradient, mean, square = random_numbers(5, many=4)
    square = square.abs()
    arguments = [x.clone() for x in (weight, gradient, mean, square)]
    found = call(answer, *arguments, 2, kind=tuple)
    if len(found) != 3:
        yield "return three things: the weight, the mean and the square."
    m = 0.9 * mean + 0.1 * gradient
    s = 0.999 * square + 0.001 * gradient**2
    if same(found[1], 0.1 * mean + 0.9 * gradient):
        yield "the mean keeps 0.9 of what it was; yours keeps 0.1."
    if same(found[1], m / (1 - 0.9**2)):
        yield "return the mean as it is; only the step uses the corrected one."
    if not same(found[1], m):
        yield "the mean should be 0.9 of the old one and 0.1 of the gradient."
    if same(found[2], 0.999 * square + 0.001 * gradient):
        yield "the square should take in the gradient's square."
    if not same(found[2], s):
        yield "the square should be 0.999 of the old one and 0.001 of the gradient's."
    far = m / (1 - 0.9**2)
    wide = s / (1 - 0.999**2)
    if same(found[0], weight + 0.1 * far / wide.sqrt()):
        yield "the weight goes uphill; subtract the step."
    if same(found[0], weight - 0.1 * m / s.sqrt()):
        yield "mean and square start at 0 and are still too small: correct them."
    if same(found[0], weight - 0.1 * far / wide):
        yield "divide by the root of the square."
    if same(found[0], weight - 0.1 * (m / (1 - 0.9)) / (s / (1 - 0.999)).sqrt()):
        yield "the corrections depend on the step: `1 - 0.9**step`, `1 - 0.999**step`."
    if not torch.allclose(found[0], weight - 0.1 * far / wide.sqrt(), atol=1e-4):
        yield "mean and square are right; the weight should move by 0.1 mean / root."


def _number(answer: Callable, *arguments: object) -> float:
    """The reader's number, out of a tensor where it comes in one."""
    return float(call(answer, *arguments, kind=object))


def _near(found: float, true: float | int) -> bool:
    """Equal to about two decimals, as one works them out by hand."""
    return abs(found - true) < 0.006
