"""Reading on: give the new tokens, get the scores of the next one."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.cache import KeyValueCache
from lib.gpt import GPT

Predict = Callable[[Int[Tensor, "batch time"]], Float[Tensor, "batch _ vocab"]]


@runtime_checkable
class Reader(Protocol):
    """Texts that are read bit by bit, and remembered in some way."""

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        """Scores for the token after these, which go on from those read before."""

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these texts alone, in this order; one may stand there twice."""


class CachedReader:
    """Remembers keys and values: a new token costs one position's work."""

    def __init__(self, model: GPT, padding: Sequence[int]):
        self.model = model
        self.cache = KeyValueCache(model.config, padding, like=model.unembed.weight)

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        return self.model(ids, self.cache)[:, -1]

    def select(self, rows: Sequence[int]) -> None:
        self.cache.select(rows)


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
