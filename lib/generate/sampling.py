"""From scores to one token: filters that narrow the choice, and a draw from the rest.

A filter takes the scores (logits) of a batch and gives them back with minus infinity
for each token that it rules out: softmax turns that into a probability of 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.ids import as_ids


def top_k(logits: Float[Tensor, "batch vocab"], k: int) -> Float[Tensor, "batch vocab"]:
    """Keep the `k` highest scores (and those equal to the last of them).

    Raises ValueError unless `k` is a whole number in 1..vocab.

    Source: Fan et al. 2018, "Hierarchical Neural Story Generation", section 5.4.
    """
    _check_batch(logits)
    vocab = logits.size(-1)
    if type(k) is not int or not 1 <= k <= vocab:
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
    _check_batch(logits)
    _check_share("top_p", p)
    sorted_logits, order = logits.sort(descending=True)
    shares = _at_least_float32(sorted_logits).softmax(-1)
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
    _check_batch(logits)
    _check_share("min_p", p)
    shares = _at_least_float32(logits).softmax(-1)
    least = p * shares.amax(-1, keepdim=True)
    return logits.masked_fill(shares < least, -torch.inf)


def repetition_penalty(
    logits: Float[Tensor, "batch vocab"],
    texts: Int[Tensor, "batch time"],
    penalty: float,
) -> Float[Tensor, "batch vocab"]:
    """Make tokens that the text already has less likely, if `penalty` > 1.

    Positive scores are divided by it, negative ones multiplied.
    Raises ValueError when it is not above 0, or an id is outside the vocabulary.

    Source: Keskar et al. 2019, "CTRL: A Conditional Transformer Language Model for
    Controllable Generation", section 4.1.
    """
    _check_batch(logits)
    _check_penalty(penalty)
    texts = as_ids(texts, "texts", logits.size(-1), axes=2)
    return _penalized(logits, texts, penalty)


def _penalized(
    logits: Float[Tensor, "batch vocab"],
    texts: Int[Tensor, "batch time"],
    penalty: float,
) -> Float[Tensor, "batch vocab"]:
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, texts, True)
    punished = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, punished, logits)


@dataclass(frozen=True)
class Sampling:
    """How to draw the next token; a field left at its default changes nothing.

    The steps are taken in the order of the fields, except that the penalty comes first.
    """

    temperature: float = 1.0  # scores are divided by it; 0 takes the likeliest token
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self):
        """Raises ValueError that names the first field that cannot be."""
        heat = self.temperature
        if not isinstance(heat, Real) or not 0 <= heat < math.inf:
            raise ValueError(f"temperature must be 0 or above, got {heat!r}")
        if self.top_k is not None and (type(self.top_k) is not int or self.top_k < 1):
            raise ValueError(f"top_k must be at least 1, got {self.top_k!r}")
        if self.top_p is not None:
            _check_share("top_p", self.top_p)
        if self.min_p is not None:
            _check_share("min_p", self.min_p)
        _check_penalty(self.repetition_penalty)

    def filtered(
        self, logits: Float[Tensor, "batch vocab"], texts: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch vocab"]:
        """Scores after the penalty, the temperature (unless 0) and the filters."""
        if self.repetition_penalty != 1:
            logits = _penalized(logits, texts, self.repetition_penalty)
        if self.temperature not in (0, 1):
            logits = _at_temperature(logits, self.temperature)
        if self.top_k is not None:
            logits = top_k(logits, self.top_k)
        if self.top_p is not None:
            logits = top_p(logits, self.top_p)
        if self.min_p is not None:
            logits = min_p(logits, self.min_p)
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
        if self.repetition_penalty != 1:  # a tiny one may have made scores infinite
            check_scores(logits)
        if self.temperature == 0:
            return logits.argmax(-1)
        rows = zip(logits.softmax(-1), generators, strict=True)
        return torch.cat([shares.multinomial(1, generator=g) for shares, g in rows])


def check_scores(
    logits: Float[Tensor, "batch vocab"],
) -> Float[Tensor, "batch vocab"]:
    """The same scores, in float32 at least; minus infinity rules a token out.

    Raises ValueError when one is NaN or plus infinity, or when every token is ruled
    out.
    """
    _check_batch(logits)
    highest = logits.amax(-1).tolist()  # NaN if any score is
    if not all(map(math.isfinite, highest)):
        raise ValueError(f"scores must be finite, the highest are {highest}")
    return _at_least_float32(logits)


def _at_temperature(
    logits: Float[Tensor, "batch vocab"], temperature: float
) -> Float[Tensor, "batch vocab"]:
    """Scores divided by a temperature.

    A very low one could make scores infinite. There the highest is moved to 0 first,
    which changes no probability.
    """
    logits = _at_least_float32(logits)
    if temperature > 1e-3:
        return logits / temperature
    temperature = max(float(temperature), torch.finfo(logits.dtype).tiny)
    return (logits - logits.amax(-1, keepdim=True)) / temperature


def _at_least_float32(logits: Tensor) -> Tensor:
    """Half precision is too coarse to add up probabilities."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _check_batch(logits: Tensor) -> None:
    if not logits.is_floating_point() or logits.dim() != 2 or not logits.size(1):
        raise ValueError(
            f"scores must be decimal numbers of shape (batch, vocab), got "
            f"{logits.dtype} of shape {tuple(logits.shape)}"
        )


def _check_share(name: str, p: float) -> None:
    if not isinstance(p, Real) or not 0 < p <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {p!r}")


def _check_penalty(penalty: float) -> None:
    if not isinstance(penalty, Real) or not 0 < penalty < math.inf:
        raise ValueError(f"repetition_penalty must be above 0, got {penalty!r}")
