"""How a checker works: it looks for complaints, and the first one is the answer."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found: `right`, one sentence to read, `open` if not answered."""

    right: bool
    says: str
    open: bool = False

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.says

    def _repr_markdown_(self) -> str:
        return self.says


class NotDone(Exception):
    """The reader has not filled in the exercise yet."""


# Module of a chapter's checkers, name of the exercise, and what was said of it last:
# what `progress` shows. It lives as long as the notebook's kernel.
EXERCISES: dict[str, dict[str, Verdict | None]] = {}


def checker(complaints: Callable[..., Iterator[str]]) -> Callable[..., Verdict]:
    """Turn a generator of complaints into a checker: no complaint means right."""
    name, chapter = complaints.__name__, EXERCISES.setdefault(complaints.__module__, {})
    chapter[name] = None

    @functools.wraps(complaints)
    def check(answer: object) -> Verdict:
        chapter[name] = verdict = _judge(complaints, answer)
        return verdict

    return check


def _judge(complaints: Callable[..., Iterator[str]], answer: object) -> Verdict:
    try:
        wrong = next(complaints(answer), None)
    except NotDone:
        return Verdict(False, "Not done yet: replace the dots with your answer.", True)
    except Exception as error:
        return Verdict(False, f"Not yet: it stops with {type(error).__name__}: {error}")
    return (
        Verdict(True, "Correct.")
        if wrong is None
        else Verdict(False, f"Not yet: {wrong}")
    )


def call(answer: Callable, *arguments: object, kind: type = Tensor):
    """Run the reader's function; complain clearly about what is of another type."""
    result = answer(*arguments)
    if result is None or result is ...:
        raise NotDone
    if not isinstance(result, kind):
        raise TypeError(
            f"the answer should be a {kind.__name__.lower()}, "
            f"not a {type(result).__name__}."
        )
    return result


def wrong_shape(result: Tensor, expected: Tensor) -> Iterator[str]:
    if result.shape != expected.shape:
        shape, right = tuple(result.shape), tuple(expected.shape)
        yield f"the shape should be {right}, but is {shape}."


def same(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.float(), expected.float(), atol=1e-5)


def random_numbers(*shape: int, many: int = 1) -> Tensor | tuple[Tensor, ...]:
    """The same random numbers at every call, whatever was drawn before."""
    drawn = torch.randn(many, *shape, generator=torch.Generator().manual_seed(many))
    return drawn[0] if many == 1 else tuple(drawn)


def close_by_hand(found: Tensor, true: Tensor) -> bool:
    """Equal to two decimals, as one works them out by hand."""
    return torch.allclose(found, true, atol=0.011)
