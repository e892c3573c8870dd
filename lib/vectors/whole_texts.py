"""Thinned texts: whole texts without most of their frequent words, in batches.

Frequent words stand in every window and tell little. Without most of them the words
that do tell move together, and an epoch is a quarter of the work. Word vectors learn
from such batches by `lib.vectors.skip_gram.negative_sampling_of_texts`.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lib.tokens.word_tokenizer import SPECIAL
from lib.vectors.skip_gram import strangers_by

Thinned = tuple[Int[Tensor, "batch time"], Int[Tensor, " sample"]]


def word_shares(texts: Sequence[Sequence[int]], vocab: int) -> Float[Tensor, " vocab"]:
    """The share of each id among the words of all texts.

    Raises ValueError when there is no word, or one beyond the vocabulary.
    """
    flat = torch.cat([torch.tensor(text, dtype=torch.long) for text in [[], *texts]])
    if not len(flat) or flat.max() >= vocab:
        raise ValueError(f"texts must have words, all below vocab={vocab}")
    counts = torch.bincount(flat, minlength=vocab).float()
    return counts / counts.sum()


def thinned_texts(
    texts: Sequence[Sequence[int]],
    shares: Float[Tensor, " vocab"],
    batch: int,
    *,
    part: int = 96,
    threshold: float = 1e-4,
    shared: int = 256,
    seed: int = 0,
) -> Iterator[Thinned]:
    """Endless batches of thinned texts, filled up with -1, and of `shared` strangers.

    A word with the share f of all words stays with probability sqrt(threshold / f), a
    special token never. What is left of a text is cut into parts of `part` words. Each
    text comes once in a round. Raises ValueError when no text has two ordinary words.
    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and
    their Compositionality", equation 5.
    """
    rows = [torch.tensor(text) for text in texts]
    if not any((row >= len(SPECIAL)).sum() > 1 for row in rows):
        raise ValueError("texts must have one of 2 words or more that are not special")
    generator = torch.Generator().manual_seed(seed)
    stays = (threshold / shares.clamp(min=1e-12)).sqrt()
    stays[: len(SPECIAL)] = 0.0
    rarer = strangers_by(ordinary(shares))
    while True:
        for chosen in torch.randperm(len(rows), generator=generator).split(batch):
            some = [rows[number] for number in chosen.tolist()]
            kept = [r[torch.rand(len(r), generator=generator) < stays[r]] for r in some]
            parts = [each for row in kept for each in row.split(part)]
            others = rarer.multinomial(shared, True, generator=generator)
            padded = pad_sequence(parts, True, padding_value=-1)
            if padded.size(1) > 1:
                yield padded, others


def ordinary(shares: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
    """The shares of the words among the words alone: special tokens have none."""
    words = shares.clone()
    words[: len(SPECIAL)] = 0.0
    return words / words.sum()
