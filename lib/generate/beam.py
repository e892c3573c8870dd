"""Beam search: keep the few likeliest texts, not only the likeliest next token."""

from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from lib.generate.reader import Reader
from lib.generate.sampling import check_scores


class Hypothesis(NamedTuple):
    """A text that the search keeps: its new tokens, and how likely they are."""

    score: float  # log-probability; of a finished text, over length ** penalty
    tokens: list[int]
    row: int  # where the reader has the text that this one continues


@dataclass(frozen=True)
class Beams:
    """How many texts beam search keeps, and how it compares finished ones by length.

    A finished text's log-probability is divided by its length (new tokens) to the power
    of `length_penalty`: 0 favors short texts, 1 compares means, more favors long ones.
    """

    beams: int = 4
    length_penalty: float = 1.0

    def __post_init__(self):
        """Raises ValueError that names the first field that cannot be."""
        if type(self.beams) is not int or self.beams < 1:
            raise ValueError(
                f"beams must be a whole number above 0, got {self.beams!r}"
            )
        penalty = self.length_penalty
        if not isinstance(penalty, Real) or not -10 <= penalty <= 10:
            raise ValueError(f"length_penalty must lie in -10..10, got {penalty!r}")


def beam_search(
    reader: Reader,
    prompt: Int[Tensor, " text"],
    max_new_tokens: int,
    strategy: Beams,
    stop: Collection[int] = (),
) -> list[int]:
    """The best continuation found, at most `max_new_tokens` long.

    `reader` has read nothing yet. A text is finished by a token of `stop`, or by its
    length. The search ends when no text that goes on is better, at its present length,
    than the worst of the best finished ones. It might still become better, so this is a
    guess, but it is the usual one.

    Source: Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks",
    section 3.2; the search ends as it does in the package `transformers`.
    """
    running = [Hypothesis(0.0, [], 0)]
    finished: list[Hypothesis] = []
    ids = prompt[None]
    for length in range(1, max_new_tokens + 1):
        found = _extend(reader, ids, running, strategy.beams * max(2, 1 + len(stop)))
        last = length == max_new_tokens
        weight = length**strategy.length_penalty
        finished += [
            text._replace(score=text.score / weight)
            for text in found[: strategy.beams]
            if last or text.tokens[-1] in stop
        ]
        finished = sorted(finished, key=lambda text: -text.score)[: strategy.beams]
        if last:
            break
        running = [text for text in found if text.tokens[-1] not in stop]
        running = running[: strategy.beams]
        full = len(finished) == strategy.beams
        if not running or (full and running[0].score / weight <= finished[-1].score):
            break
        reader.select([text.row for text in running])
        ids = prompt.new_tensor([text.tokens[-1:] for text in running])
    return finished[0].tokens


def _extend(
    reader: Reader, ids: Int[Tensor, "beam time"], running: list[Hypothesis], keep: int
) -> list[Hypothesis]:
    """The `keep` likeliest texts that are one token longer, the likeliest first."""
    scores = check_scores(reader.read(ids)).log_softmax(-1).cpu()  # beam vocab
    totals = scores + torch.tensor([text.score for text in running])[:, None]
    best = totals.flatten().topk(min(keep, totals.numel()))
    longer = []
    for score, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        row, token = divmod(place, scores.size(1))
        longer.append(Hypothesis(score, [*running[row].tokens, token], row))
    return longer
