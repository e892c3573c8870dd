r"""Regular expressions over bytes, and what is left of one when a byte has come.

What is left is an expression again, the derivative. So there is no automaton to build:
an expression is its own state, and a byte leads to the next one.

>>> year = repeat(DIGIT, 4, 4)
>>> year.after(ord("1")) == repeat(DIGIT, 3, 3)
True
>>> year.after(ord("x")) is None
True

Sources: Brzozowski 1964, "Derivatives of Regular Expressions", section 3; Owens et al.
2009, "Regular-expression Derivatives Re-examined", section 2.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass


class Expression(ABC):
    """The texts that may follow. There is always one: what has none is no expression.

    `least` is the number of bytes of the shortest; at 0 the text may end. Two that are
    made of equal parts are equal; their hash is worked out once, since they are keys.
    """

    least: int

    def __post_init__(self):
        parts = (type(self), *vars(self).values())
        vars(self).update(_parts=parts, _hash=hash(parts), least=self._least())

    def __eq__(self, other: object) -> bool:
        return self is other or getattr(other, "_parts", None) == vars(self)["_parts"]

    def __hash__(self) -> int:
        return vars(self)["_hash"]

    @abstractmethod
    def _least(self) -> int: ...

    @abstractmethod
    def after(self, byte: int) -> "Expression | None":
        """What may follow once this byte has come; None where it may not come."""


@dataclass(frozen=True, eq=False)
class Empty(Expression):
    """The end: nothing may follow."""

    def _least(self) -> int:
        return 0

    def after(self, byte: int) -> None:
        return None


@dataclass(frozen=True, eq=False)
class OneByte(Expression):
    """Any one of some bytes."""

    choice: frozenset[int]

    def _least(self) -> int:
        return 1

    def after(self, byte: int) -> Expression | None:
        return END if byte in self.choice else None


@dataclass(frozen=True, eq=False)
class Then(Expression):
    """One expression, then another."""

    first: Expression
    rest: Expression

    def _least(self) -> int:
        return self.first.least + self.rest.least

    def after(self, byte: int) -> Expression | None:
        left = self.first.after(byte)
        through = None if left is None else then(left, self.rest)
        if self.first.least:
            return through
        return _any_of([through, self.rest.after(byte)])


@dataclass(frozen=True, eq=False)
class Either(Expression):
    """Any one of some expressions."""

    choices: frozenset[Expression]

    def _least(self) -> int:
        return min(choice.least for choice in self.choices)

    def after(self, byte: int) -> Expression | None:
        return _any_of(choice.after(byte) for choice in self.choices)


@dataclass(frozen=True, eq=False)
class Repeat(Expression):
    """An expression, `fewest` to `most` times; None: without end."""

    part: Expression
    fewest: int
    most: int | None

    def _least(self) -> int:
        return self.fewest * self.part.least

    def after(self, byte: int) -> Expression | None:
        left = self.part.after(byte)
        if left is None:
            return None
        most = None if self.most is None else self.most - 1
        return then(left, repeat(self.part, max(0, self.fewest - 1), most))


END = Empty()


def literal(text: str) -> Expression:
    """This text and no other."""
    return then(*(OneByte(frozenset([byte])) for byte in text.encode()))


def one_of(characters: str) -> Expression:
    """Any one of these characters, all of them ASCII.

    Raises ValueError when there is none, or another character.
    """
    if not characters or not characters.isascii():
        raise ValueError(f"characters must be one or more of ASCII, got {characters!r}")
    return OneByte(frozenset(characters.encode()))


def between(first: int, last: int) -> Expression:
    """Any one byte from `first` to `last`. Raises ValueError when there is none."""
    if not 0 <= first <= last < 256:
        raise ValueError(f"bytes must run from low to high, got {first} to {last}")
    return OneByte(frozenset(range(first, last + 1)))


def then(*parts: Expression) -> Expression:
    """One after the other; of no parts, the empty text."""
    whole: Expression = END
    for part in reversed(parts):
        whole = _join(part, whole)
    return whole


def either(*choices: Expression) -> Expression:
    """Any one of them. Raises ValueError when there is none."""
    found = _any_of(choices)
    if found is None:
        raise ValueError("either needs at least one expression, got none")
    return found


def repeat(part: Expression, fewest: int = 0, most: int | None = None) -> Expression:
    """The same, `fewest` to `most` times; without `most` there is no end.

    Raises ValueError unless 0 <= fewest <= most.
    """
    if fewest < 0 or (most is not None and most < fewest):
        raise ValueError(
            f"fewest must lie in 0..most, got fewest={fewest}, most={most}"
        )
    if most == 0 or part == END:
        return END
    return part if fewest == most == 1 else Repeat(part, fewest, most)


def _join(first: Expression, rest: Expression) -> Expression:
    """Nested to the right, so that texts which end alike share what is left."""
    if first == END or rest == END:
        return first if rest == END else rest
    parts = []
    while isinstance(first, Then):
        parts.append(first.first)
        first = first.rest
    rest = Then(first, rest)
    for part in reversed(parts):
        rest = Then(part, rest)
    return rest


def _any_of(choices: Iterable[Expression | None]) -> Expression | None:
    """Each choice once, so that there are only so many expressions to come to."""
    found: set[Expression] = set()
    for choice in choices:
        if isinstance(choice, Either):
            found |= choice.choices
        elif choice is not None:
            found.add(choice)
    if len(found) < 2:
        return next(iter(found), None)
    return Either(frozenset(found))


DIGIT = between(ord("0"), ord("9"))
