"""Reading on: give the new tokens, get the scores of the next one."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.fast.one_token import OneToken, is_plain
from lib.model.gpt import GPT

Predict = Callable[[Int[Tensor, "batch time"]], Float[Tensor, "batch _ vocab"]]


@runtime_checkable
class Reader(Protocol):
    """Texts that are read bit by bit, and remembered in some way."""

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        """Scores for the token after these, which go on from those read before."""

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these texts alone, in this order; one may stand there twice."""


class CachedReader:
    """Remembers keys and values: a new token costs one position's work.

    One token more of one text is read by `OneToken`, all else by the model.
    """

    def __init__(self, model: GPT, padding: Sequence[int]):
        self.model, self.one = model, None
        self.cache = model.new_cache(padding)

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        alone = ids.shape == (1, 1) and self.cache.seen > 0
        if not alone or self.cache.most_padding or not self._one():
            return self.model(ids, self.cache)[:, -1]
        return self.one.read(ids[0])[None]

    def select(self, rows: Sequence[int]) -> None:
        if list(rows) != list(range(len(self.cache.padding))):
            self.cache.select(rows)
            self.one = None

    def _one(self) -> bool:
        """Whether there is a `OneToken`, which is made when it is first needed."""
        if self.one is None:
            self.one = is_plain(self.model) and OneToken(self.model, self.cache)
        return bool(self.one)


class Rereader:
    """Remembers the tokens alone, and reads them all again for every new one."""

    def __init__(self, predict: Callable, padding: Sequence[int]):
        """`predict` gets all the tokens, and how many in each text are padding."""
        self.predict, self.padding, self.ids = predict, padding, None

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        self.ids = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        return self.predict(self.ids, self.padding)[:, -1]

    def select(self, rows: Sequence[int]) -> None:
        self.ids, self.padding = self.ids[rows], [self.padding[row] for row in rows]


def make_reader(
    model: GPT | Predict, padding: Sequence[int], cached: bool = True
) -> Reader:
    """The reader for a GPT, or for any function from tokens to scores.

    A function is shown all tokens so far, from the first on, and needs texts of one
    length. Raises ValueError when they are not.
    """
    if not isinstance(model, GPT):
        if any(padding):
            raise ValueError("prompts of different lengths need a GPT, got a function")
        return Rereader(lambda ids, _: model(ids), padding)
    if cached:
        return CachedReader(model, padding)
    return Rereader(
        lambda ids, padding: CachedReader(model, padding).read(ids)[:, None], padding
    )
