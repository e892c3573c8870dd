"""The exercises of chapter 5: surprise, bits, a floor, a schedule, clipping, Adam."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from lib.check.verdict import call, checker, random_numbers, same
from lib.data.sources import entropy, random_source, stationary_distribution


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
def bits(answer: Callable) -> Iterator[str]:
    """`answer(loss, tokens, characters)`: nats a token as bits a character."""
    true = 2.0 * 40 / 100 / math.log(2)
    found = _number(answer, 2.0, 40, 100)
    if _near(found, 2.0 / math.log(2)):
        yield "these are bits a token; tokens and characters are not used."
    if _near(found, 2.0 * 40 / 100):
        yield "these are nats a character; divide by log 2 for bits."
    if _near(found, 2.0 * 40 / 100 * math.log(2)):
        yield "divide by log 2: a bit is less than a nat, so there are more of them."
    if _near(found, 2.0 * 100 / 40 / math.log(2)):
        yield "the whole text costs loss * tokens; divide that by the characters."
    if not _near(found, true):
        yield f"2 nats, 40 tokens, 100 characters give {true:.3f}, not {found:.3f}."


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
def schedule(answer: Callable) -> Iterator[str]:
    """`answer(step, steps, warm_up)`: a straight climb to 1, then straight to 0."""
    found = [_number(answer, step, 100, 20) for step in range(100)]
    if _near(found[0], 0):
        yield "the first step has rate 0 and moves nothing; begin at 1 / warm_up."
    if not _near(found[0], 1 / 20):
        yield f"step 0 of 100, warm_up 20, should give 0.05, not {found[0]:.3f}."
    if max(found) > 1 + 1e-9:
        yield f"the factor should never be above 1, but reaches {max(found):.2f}."
    for step in (10, 19):
        if not _near(found[step], (step + 1) / 20):
            yield f"step {step} is in the climb, at {(step + 1) / 20} of the rate."
    if _near(found[60], 1):
        yield "after the climb it should fall; yours stays at 1."
    if _near(found[60], 1 - 60 / 100):
        yield "the fall begins at 1 after the climb, at step 20; yours began at step 0."
    if _near(found[99], 0):
        yield "the last step is step 99 and should still move: 1/80, not 0."
    for step in (20, 60, 99):
        true = (100 - step) / 80
        if not _near(found[step], true):
            yield f"step {step} should give {true:.4f}, not {found[step]:.4f}."


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
