"""Beam search: keep the few likeliest texts, not the likeliest next token alone."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from lib.generate.reader import Reader
from lib.generate.sampling import check_scores


class Text(NamedTuple):
    """New tokens of one text, and how likely they are."""

    score: float  # log-probability; of a finished text, over length ** penalty
    tokens: list[int]
    row: int  # where the reader has what the text grew out of


@dataclass(frozen=True)
class Beams:
    """How many texts to keep, and how finished ones of unlike length compare.

    A finished text's log-probability is divided by its length (new tokens) to the power
    of `length_penalty`: 0 favors short texts, 1 compares means, more favors long ones.
    """

    many: int = 4
    length_penalty: float = 1.0

    def __post_init__(self):
        """Raises ValueError when `many` is not a whole number above 0."""
        if type(self.many) is not int or self.many < 1:
            raise ValueError(
                f"many beams must be a whole number above 0, got {self.many}"
            )


def search(
    reader: Reader,
    prompt: Int[Tensor, " text"],
    many: int,
    beams: Beams,
    stop: Collection[int] = (),
) -> list[int]:
    """The best continuation found, of at most `many` tokens; `reader` is a fresh one.

    A text is finished by a token of `stop`, or at `many` tokens. The search ends when
    no text that goes on is better, at its present length, than the worst of the best
    finished ones: a guess, since it may get better, and the usual one.

    Source: Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks",
    section 3.2; the ending is that of the package `transformers`.
    """
    running, finished, ids = [Text(0.0, [], 0)], [], prompt[None]
    for length in range(1, many + 1):
        found = _extend(reader, ids, running, beams.many * max(2, 1 + len(stop)))
        ended = [length == many or text.tokens[-1] in stop for text in found]
        weight = length**beams.length_penalty
        for text, end in list(zip(found, ended, strict=True))[: beams.many]:
            finished += [text._replace(score=text.score / weight)] if end else []
        finished = sorted(finished, key=lambda text: -text.score)[: beams.many]
        running = [t for t, end in zip(found, ended, strict=True) if not end]
        running = running[: beams.many]
        full = len(finished) == beams.many
        if not running or full and running[0].score / weight <= finished[-1].score:
            break
        reader.select([text.row for text in running])
        ids = prompt.new_tensor([text.tokens[-1:] for text in running])
    return finished[0].tokens


def _extend(
    reader: Reader, ids: Int[Tensor, "beam time"], running: list[Text], keep: int
) -> list[Text]:
    """The `keep` likeliest texts one token longer, the likeliest first."""
    scores = check_scores(reader.read(ids)).log_softmax(-1).cpu()  # beam vocab
    totals = scores + torch.tensor([text.score for text in running])[:, None]
    best = totals.flatten().topk(min(keep, totals.numel()))
    pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    return [
        Text(score, [*running[place // vocab].tokens, place % vocab], place // vocab)
        for vocab in [scores.size(1)]
        for score, place in pairs
    ]
