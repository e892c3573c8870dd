"""How a checker works: it looks for complaints, and the first one is the answer."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor

Kind = TypeVar("Kind")


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found: whether it is right, and what it says about it.

    `open` means that the exercise has not been answered yet.
    """

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


class WrongKind(Exception):
    """The answer is of another type than the exercise asks for."""


# By the module of a chapter's checkers, then by exercise: what was last said of it.
# `progress` shows this. It lives as long as the notebook's kernel.
EXERCISES: dict[str, dict[str, Verdict | None]] = {}


def checker(complaints: Callable[..., Iterator[str]]) -> Callable[..., Verdict]:
    """Turn a generator of complaints into a checker: no complaint means right."""
    name = complaints.__name__
    chapter = EXERCISES.setdefault(complaints.__module__, {})
    chapter[name] = None

    @functools.wraps(complaints)
    def check(answer: object) -> Verdict:
        verdict = _judge(complaints, answer)
        chapter[name] = verdict
        return verdict

    return check


def _judge(complaints: Callable[..., Iterator[str]], answer: object) -> Verdict:
    try:
        wrong = next(complaints(filled(answer)), None)
    except NotDone:
        return Verdict(False, "Not done yet: replace the dots with your answer.", True)
    except WrongKind as error:
        wrong = str(error)
    except Exception as error:
        wrong = _stops(error)
    return (
        Verdict(True, "Correct.")
        if wrong is None
        else Verdict(False, f"Not yet: {wrong}")
    )


def _stops(error: Exception) -> str:
    """Which error it was, and the first line of its message, where it has one."""
    said = [line.strip(" .:") for line in str(error).splitlines() if line.strip()]
    first = " (`{}`)".format(said[0].replace("`", "'")) if said else ""
    return f"it stops with {type(error).__name__}{first}."


def filled(answer: Any) -> Any:
    """The answer as it came; raises NotDone where it is nothing, or dots are in it."""
    parts = answer.values() if isinstance(answer, dict) else answer
    inside = parts if isinstance(answer, dict | list | tuple) else ()
    if answer is None or any(part is ... for part in (answer, *inside)):
        raise NotDone
    return answer


def of_kind(answer: object, kind: type[Kind]) -> Kind:
    """The answer as it came; raises WrongKind where it is of another type."""
    if not isinstance(answer, kind):
        raise WrongKind(
            f"the answer should be a {kind.__name__.lower()}, "
            f"but is of type {type(answer).__name__}."
        )
    return answer


def call(answer: Callable, *arguments: object, kind: type = Tensor) -> Any:
    """Run the reader's function; complain clearly about what is of another type."""
    return of_kind(filled(answer(*arguments)), kind)


def wrong_shape(result: Tensor, expected: Tensor) -> Iterator[str]:
    if result.shape != expected.shape:
        shape = tuple(result.shape)
        right = tuple(expected.shape)
        yield f"the shape should be {right}, but is {shape}."


def same(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.float(), expected.float(), atol=1e-5)


def off(result: Tensor, expected: Tensor) -> Iterator[str]:
    if not same(result, expected):
        most = (result - expected).abs().max()
        yield f"the numbers differ from the true ones by up to {most:.3f}."


@overload
def random_numbers(*shape: int, many: Literal[1] = 1) -> Tensor: ...


@overload
def random_numbers(*shape: int, many: int) -> tuple[Tensor, ...]: ...


def random_numbers(*shape: int, many: int = 1) -> Tensor | tuple[Tensor, ...]:
    """The same random numbers at every call, whatever was drawn before."""
    drawn = torch.randn(many, *shape, generator=torch.Generator().manual_seed(many))
    return drawn[0] if many == 1 else tuple(drawn)


def close_by_hand(found: Tensor, true: Tensor) -> bool:
    """Equal to two decimals, as one works them out by hand."""
    return torch.allclose(found, true, atol=0.011)


def off_by_hand(found: Tensor, true: Tensor) -> Iterator[str]:
    if not close_by_hand(found, true):
        worst = (found - true).abs().argmax().item()
        yield f"number {worst + 1} of the {len(true)} is not right."
