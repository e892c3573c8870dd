"""The exercises of chapter 6: a rate, patience, a split, small batches, Muon, noise."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from lib.check.verdict import call, checker, random_numbers, same
from lib.train.muon import orthogonalize


@checker
def start_rate(answer: Any) -> Iterator[str]:
    """A rate for a whole run, where a range test is lowest at 0.016."""
    rate = float(answer)
    if rate <= 0:
        yield "a learning rate is above 0."
    if rate > 0.1:
        yield "at this rate the test no longer learns anything."
    if rate > 0.017:
        yield "there the loss already rises; go back to where it turns, and lower."
    if rate > 0.0085:
        yield "here the test turns; a whole run wants a half to a quarter of it."
    if rate < 0.0035:
        yield "this is safe and slow; a half to a quarter of the turn is low enough."


@checker
def stop(answer: Callable) -> Iterator[str]:
    """`answer(losses, patience)`: the place where the run ends, and the best place."""
    losses = [3.0, 2.5, 2.6, 2.4, 2.5, 2.45, 2.7, 2.3]
    found = call(answer, list(losses), 3, kind=tuple)
    if len(found) != 2:
        yield "return two things: where the run ends, and which measurement was best."
    ends, best = found
    if (ends, best) == (7, 7):
        yield "the run had ended before the last loss came; stop when patience is over."
    if (ends, best) == (5, 3):
        yield "that is one too early; three in a row must be no better than the best."
    if ends == 4:
        yield "compare with the best so far, not with the measurement before."
    if (best, ends) == (6, 3):
        yield "the other way round; first where the run ends, then which was best."
    if ends == 6 and best != 3:
        yield "it ends at the right place; the best is the lowest loss up to there."
    if (ends, best) != (6, 3):
        yield f"with patience 3 our run ends at 6, best at 3, not {ends} and {best}."
    if call(answer, [3.0, 2.0, 1.0], 2, kind=tuple) != (2, 2):
        yield "a run that gets better to the end ends with its last measurement."
    if call(answer, [3.0, 2.0, 2.0, 2.0, 1.0], 2, kind=tuple) != (3, 1):
        yield "a loss that is equal to the best is no improvement."


@checker
def split(answer: Callable) -> Iterator[str]:
    """`answer(plays, held_out)`: the text to learn from, and the text to test on."""
    plays = {"A": "aaa\naa", "B": "bbbb", "C": "cc", "D": "dd\ndd"}
    found = call(answer, dict(plays), ["D", "B"], kind=tuple)
    if len(found) != 2 or not all(isinstance(text, str) for text in found):
        yield "return two texts, the one to learn from first."
    learned, test = found
    if learned and set(learned) & set(test) - {"\n"}:
        yield "a play stands in both texts; what is held out must not be learned from."
    if set(learned) - {"\n"} == set("bd"):
        yield "the other way round; the text to learn from comes first."
    if set(learned) - {"\n"} != set("ac") or set(test) - {"\n"} != set("bd"):
        yield "every play belongs in one of the two texts, whole."
    if learned == "aaa\naacc":
        yield "put a line break between two plays, or two lines run into one."
    if learned != "aaa\naa\ncc":
        yield "the text to learn from should have its plays in the order of `plays`."
    if sorted(test) != sorted("dd\ndd\nbbbb"):
        yield "the text held out should have all of its plays, a line break between."


@checker
def small_batches(answer: Callable) -> Iterator[str]:
    """`answer(losses, counts)`: the loss of all targets together."""
    found = _number(answer, [2.0, 1.0, 4.0], [100, 300, 0])
    if _near(found, 7 / 3):
        yield "a batch of 300 targets counts as much as one of 100; weigh by `counts`."
    if _near(found, 500.0):
        yield "this is the sum over all targets; divide by how many there are."
    if _near(found, 500 / 3):
        yield "divide by the number of targets, not by the number of batches."
    if _near(found, 1.5):
        yield "a batch without a target should count for nothing."
    if not _near(found, 1.25):
        yield f"100 targets at 2 and 300 at 1 cost 1.25 each, not {found:.3f}."


@checker
def muon_step(answer: Callable) -> Iterator[str]:
    """`answer(weight, gradient, mean)`: the new weight and mean, equation 6.2.

    The rate is 0.02 and the mean keeps a share of 0.9; the weight is tall.
    """
    weight, gradient, mean = random_numbers(6, 3, many=3)
    found = call(answer, weight.clone(), gradient.clone(), mean.clone(), kind=tuple)
    if len(found) != 2:
        yield "return two things: the weight and the mean."
    new = 0.9 * mean + 0.1 * gradient
    if same(found[1], 0.1 * mean + 0.9 * gradient):
        yield "the mean keeps 0.9 of what it was; yours keeps 0.1."
    if not same(found[1], new):
        yield "the mean should be 0.9 of the old one and 0.1 of the gradient."
    far = 0.9 * new + 0.1 * gradient
    tall = math.sqrt(2)

    def moved(direction: torch.Tensor, scale: float) -> torch.Tensor:
        return weight - 0.02 * scale * orthogonalize(direction[None])[0]

    if same(found[0], weight - 0.02 * tall * far):
        yield "the step should go through `orthogonalize` first."
    if same(found[0], moved(-far, tall)):
        yield "the weight goes uphill; subtract the step."
    if same(found[0], moved(far, 1.0)):
        yield "a matrix of 6 rows and 3 columns takes a step times the root of 6 / 3."
    if same(found[0], moved(far, 2.0)):
        yield "take the root of rows over columns."
    if same(found[0], moved(far, 1 / tall)):
        yield "rows over columns, not the other way round."
    if same(found[0], moved(new, tall)) or same(found[0], moved(new, 1.0)):
        yield "the step follows 0.9 of the new mean and 0.1 of the gradient."
    if same(found[0], moved(gradient, tall)):
        yield "the step follows the mean as well, and not the gradient alone."
    if not torch.allclose(found[0], moved(far, tall), atol=1e-4):
        yield "the mean is right; the weight should move by equation 6.2."


@checker
def noise_guess(answer: Any) -> Iterator[str]:
    """The loss on one batch whose targets are random, after 60 steps."""
    nats = float(answer)
    if nats < 0:
        yield "a surprise is never below 0."
    if nats > 4.6:
        yield "that is more than a model pays that knows nothing, which is log 77."
    if nats > 3.5:
        yield "nothing can be known of new targets, but this batch comes 60 times."
    if nats > 0.3:
        yield "the batch has 768 targets, and the model 200 weights for each."


def _number(answer: Callable, *arguments: object) -> float:
    """The reader's number, out of a tensor where it comes in one."""
    return float(call(answer, *arguments, kind=object))


def _near(found: float, true: float) -> bool:
    """Equal to about two decimals."""
    return abs(found - true) < 0.006
