"""Sampled softmax: score the true word against a few others, not the whole vocabulary.

With whole words the scores of all 25,000 would cost more than the model below them.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lib.data.batch import Batch
from lib.model.encoder import Encoder

Sampled = tuple[
    Int[Tensor, "batch time"], Int[Tensor, "batch time"], Int[Tensor, " sample"]
]  # ids, some hidden; the hidden ones, elsewhere -1; words to tell them from


def text_windows(
    texts: Sequence[Sequence[int]], batch: int, time: int, seed: int = 0
) -> Iterator[Batch]:
    """Endless batches of windows, each from within one text; the targets are the same.

    Longer texts are drawn as much more often; those shorter than `time` not at all.
    Raises ValueError when all are shorter.
    """
    long = [torch.tensor(text) for text in texts if len(text) >= time]
    if not long:
        raise ValueError(f"texts must have one of {time} tokens or more, got none")
    sizes = torch.tensor([len(text) for text in long], dtype=torch.double)
    generator = torch.Generator().manual_seed(seed)
    while True:
        rows = []
        for number in sizes.multinomial(batch, True, generator=generator).tolist():
            last = len(long[number]) - time
            start = torch.randint(last + 1, (), generator=generator).item()
            rows.append(long[number][start : start + time])
        ids = torch.stack(rows)
        yield ids, ids


def with_samples(
    batches: Iterator[Batch], chances: Float[Tensor, " vocab"], many: int, seed: int = 0
) -> Iterator[Sampled]:
    """Beside each batch, words drawn by `chances`, to tell the true ones from."""
    generator = torch.Generator().manual_seed(seed)
    for ids, targets in batches:
        yield ids, targets, chances.multinomial(many, True, generator=generator)


def sampled_loss(
    model: Encoder, batch: Sampled, chances: Float[Tensor, " vocab"]
) -> Float[Tensor, ""]:
    """Surprise, in nats, at each hidden word, with the softmax's sum estimated.

    The sum runs over the true word and those drawn by `chances`, each divided by how
    often it was to be drawn; where the true word was drawn, it counts once. With many
    words drawn, this is the softmax over all.

    Sources: Bengio & Senecal 2003, "Quick Training of Probabilistic Neural Nets by
    Importance Sampling", section 4; Jean et al. 2015, "On Using Very Large Target
    Vocabulary for Neural Machine Translation", section 3.
    """
    ids, targets, drawn = batch
    hidden = targets >= 0
    x = model.vectors(ids)[hidden]  # hidden width
    true = targets[hidden]
    table = model.unembed.weight
    often = len(drawn) * chances.to(x.device)[drawn]
    score = (x * table[true]).sum(dim=1)  # hidden
    others = x @ table[drawn].T - often.log()  # hidden sample
    others = others.masked_fill(drawn == true[:, None], -torch.inf)
    both = torch.cat([score[:, None], others], dim=1)
    return F.cross_entropy(both, torch.zeros_like(true))
