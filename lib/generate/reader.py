"""Reading on: hand in the new tokens, get the scores of the next one."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.fast.as_built import as_built
from lib.fast.numpy_gpt import NumPyGPT
from lib.model.gpt import GPT

Predict = Callable[[Int[Tensor, "batch time"]], Float[Tensor, "batch _ vocab"]]


@runtime_checkable
class Reader(Protocol):
    """Reads texts piece by piece, and remembers them in some way."""

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        """Scores for the token after these, which go on from those read before."""
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these texts alone, in this order; one may stand there twice."""


class CachedReader:
    """Remembers keys and values: a new token costs one position's work.

    Of one text on the CPU, tokens after the first stretch are read by `NumPyGPT`, which
    has less to do around each product. All else is read by the model. Both read and
    write the same cache.
    """

    def __init__(self, model: GPT, padding: Sequence[int]):
        self.model = model
        self.cache = model.new_cache(padding)
        self.shortcut = (
            NumPyGPT(model.config, _arrays(model)) if as_built(model) else None
        )

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        one = ids.shape == (1, 1) and self.cache.seen > 0
        plain = self.cache.most_padding == 0 and not torch.is_autocast_enabled("cpu")
        if self.shortcut is None or not one or not plain:
            return self.model(ids, self.cache)[:, -1]
        self.shortcut.kept = self.cache.kept[:, :, 0].numpy()
        self.shortcut.seen = self.cache.seen
        scores = self.shortcut.read(int(ids))
        self.cache.seen = self.shortcut.seen
        return torch.from_numpy(scores)[None]

    def select(self, rows: Sequence[int]) -> None:
        if list(rows) != list(range(len(self.cache.padding))):
            self.cache.select(rows)


def _arrays(model: GPT) -> dict[str, np.ndarray]:
    """The weights as NumPy has them: the same numbers in the same place."""
    return {name: weight.numpy() for name, weight in model.state_dict().items()}


class Rereader:
    """Remembers only the tokens, and reads them all again for every new one."""

    def __init__(self, predict: Callable, padding: Sequence[int]):
        """`predict` gets all the tokens, and how many in each text are padding."""
        self.predict = predict
        self.padding = padding
        self.ids: Tensor | None = None

    def read(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch vocab"]:
        self.ids = ids if self.ids is None else torch.cat([self.ids, ids], dim=1)
        scores = self.predict(self.ids, self.padding)
        fits = isinstance(scores, Tensor) and scores.dim() == 3
        if not fits or scores.size(0) != len(self.ids) or not scores.size(1):
            found = scores.shape if isinstance(scores, Tensor) else scores
            raise ValueError(
                f"model must give scores of shape (batch, time, vocab) for ids of "
                f"{self.ids.shape}, got {found}"
            )
        if not scores.is_floating_point():
            raise ValueError(f"model must give decimal numbers, got {scores.dtype}")
        return scores[:, -1]

    def select(self, rows: Sequence[int]) -> None:
        if self.ids is not None:
            self.ids = self.ids[rows]
        self.padding = [self.padding[row] for row in rows]


def make_reader(
    model: GPT | Predict, padding: Sequence[int], cached: bool = True
) -> Reader:
    """The reader for a GPT, or for any function from tokens to scores.

    A function is shown all tokens so far, from the first on. Raises ValueError when it
    is to read texts of different lengths, or gives scores of the wrong shape.
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
