"""From scores to one token: filters that cut a distribution down, and a draw from it.

A filter takes the scores (logits) of a batch and gives them back with those of the
tokens it rules out set to minus infinity: softmax makes that a probability of 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


def top_k(logits: Float[Tensor, "batch vocab"], k: int) -> Float[Tensor, "batch vocab"]:
    """Keep the `k` highest scores (and those equal to the last of them).

    Raises ValueError when `k` is below 1 or above the size of the vocabulary.

    Source: Fan et al. 2018, "Hierarchical Neural Story Generation", section 5.4.
    """
    vocab = logits.size(-1)
    if not 1 <= k <= vocab:
        raise ValueError(f"top_k must lie in 1..{vocab}, the vocabulary; got {k}")
    last = logits.topk(k).values[:, -1:]
    return logits.masked_fill(logits < last, -torch.inf)


def top_p(
    logits: Float[Tensor, "batch vocab"], p: float
) -> Float[Tensor, "batch vocab"]:
    """Keep the likeliest tokens, as few as have a probability of `p` together.

    Raises ValueError unless 0 < p <= 1.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration",
    section 3.1 (nucleus sampling).
    """
    _check_share("top_p", p)
    sorted_logits, order = logits.sort(descending=True)
    shares = sorted_logits.softmax(-1)
    before = shares.cumsum(-1) - shares  # of the likelier ones, together
    out = (before >= p).scatter(1, order, before >= p)  # back in the tokens' order
    return logits.masked_fill(out, -torch.inf)


def min_p(
    logits: Float[Tensor, "batch vocab"], p: float
) -> Float[Tensor, "batch vocab"]:
    """Keep tokens at least `p` times as likely as the likeliest.

    Raises ValueError unless 0 < p <= 1.

    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and
    Coherent LLM Outputs", section 3.
    """
    _check_share("min_p", p)
    shares = logits.softmax(-1)
    least = p * shares.amax(-1, keepdim=True)
    return logits.masked_fill(shares < least, -torch.inf)


def repetition_penalty(
    logits: Float[Tensor, "batch vocab"],
    texts: Int[Tensor, "batch time"],
    penalty: float,
) -> Float[Tensor, "batch vocab"]:
    """Make tokens that stand in the text already less likely, if `penalty` > 1.

    Positive scores are divided by it, negative ones multiplied.
    Raises ValueError when it is not above 0.

    Source: Keskar et al. 2019, "CTRL: A Conditional Transformer Language Model for
    Controllable Generation", section 4.1.
    """
    _check_penalty(penalty)
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, texts, True)
    punished = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, punished, logits)


@dataclass(frozen=True)
class Sampling:
    """How to draw the next token; what is left at its default changes nothing.

    The steps are taken in the order of the fields, the penalty before them all.
    """

    temperature: float = 1.0  # scores are divided by it; 0 takes the likeliest token
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self):
        """Raises ValueError that names the first field that cannot be."""
        if not 0 <= self.temperature < torch.inf:
            raise ValueError(f"temperature must be 0 or above, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k}")
        for name in ("top_p", "min_p"):
            if getattr(self, name) is not None:
                _check_share(name, getattr(self, name))
        _check_penalty(self.repetition_penalty)

    def filtered(
        self, logits: Float[Tensor, "batch vocab"], texts: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch vocab"]:
        """Scores after the penalty, the temperature (unless 0) and the filters."""
        if self.repetition_penalty != 1:
            logits = repetition_penalty(logits, texts, self.repetition_penalty)
        if self.temperature not in (0, 1):
            logits = logits / self.temperature
        for cut, bound in (
            (top_k, self.top_k),
            (top_p, self.top_p),
            (min_p, self.min_p),
        ):
            logits = logits if bound is None else cut(logits, bound)
        return logits

    def choose(
        self,
        logits: Float[Tensor, "batch vocab"],
        texts: Int[Tensor, "batch time"],
        generators: Sequence[torch.Generator],
    ) -> Int[Tensor, " batch"]:
        """One token for each text, drawn with the generator of that text.

        Raises ValueError when scores are NaN, infinite, or all minus infinity.
        """
        logits = self.filtered(check_scores(logits), texts)
        if self.temperature == 0:
            return logits.argmax(-1)
        rows = zip(logits.softmax(-1), generators, strict=True)
        return torch.cat([shares.multinomial(1, generator=g) for shares, g in rows])


def check_scores(
    logits: Float[Tensor, "batch vocab"],
) -> Float[Tensor, "batch vocab"]:
    """The same scores; minus infinity may stand for an impossible token.

    Raises ValueError when one is NaN or plus infinity, or when no token is possible.
    """
    highest = logits.amax(-1).tolist()  # NaN if any score is
    if not all(map(math.isfinite, highest)):
        raise ValueError(f"scores must be finite, the highest are {highest}")
    return logits


def _check_share(name: str, p: float) -> None:
    if not 0 < p <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {p}")


def _check_penalty(penalty: float) -> None:
    if not penalty > 0:
        raise ValueError(f"repetition_penalty must be above 0, got {penalty}")
